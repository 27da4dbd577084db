// The recurrent language model: GRU layers and a softmax, full or in two levels (see recurrent/).
const sigmoid = x => 1 / (1 + Math.exp(-x));

function product(matrix, row, vector) {
  let sum = 0;
  const {values, width} = matrix;
  for (let k = 0, a = row * width; k < width; k++) sum += values[a + k] * vector[k];
  return sum;
}

class Network {
  constructor({hidden, reset, gates, layers, words, bounds, weights}) {
    const named = name => weights[name] && (
      weights[name].width ? unpackMatrix(weights[name]) : unpackValues(weights[name]));
    Object.assign(this, {hidden, reset, gates, words, bounds});
    this.index = new Map(words.map((word, i) => [word, i]));
    this.unknown = words.length;
    this.end = words.length + 1;
    this.classes = words.length + 2;
    this.embedding = named("embedding");
    this.layers = Array.from({length: layers}, (_, i) => ({
      input: named(`layers.cells.${i}.input_weight`),
      recurrent: named(`layers.cells.${i}.recurrent_weight`),
      bias: named(`layers.cells.${i}.bias`),
      recurrentBias: named(`layers.cells.${i}.recurrent_bias`),
    }));
    this.weight = named("output.weight") ?? this.embedding;
    this.bias = named("output.bias");
    this.clusterWeight = named("output.cluster_weight");
    this.clusterBias = named("output.cluster_bias");
  }

  // Zeros, one state per layer.
  start() { return this.layers.map(() => new Float64Array(this.hidden)); }

  // The state after reading the class `id`, and the last layer's gates by name.
  step(id, state) {
    const {values, width} = this.embedding;
    let input = values.subarray(id * width, (id + 1) * width), gates;
    const next = this.layers.map((layer, i) => {
      const read = this.cell(layer, input, state[i]);
      gates = read.gates;
      return input = read.state;
    });
    return {state: next, gates};
  }

  // GRU: h' = (1 - z) * n + z * h, n = tanh(a + r * (U h + u)), or tanh(a + U (r * h)).
  cell({input, recurrent, bias, recurrentBias}, x, h) {
    const size = this.hidden, gate = {};
    for (const name of ["reset", "update"]) {
      const place = this.gates.indexOf(name);
      gate[name] = Float64Array.from({length: size}, (_, k) => {
        const row = place * size + k;
        if (place < 0) return name === "reset" ? 1 : 0;
        return sigmoid(product(input, row, x) + bias[row] + product(recurrent, row, h));
      });
    }
    const first = this.gates.indexOf("candidate") * size;
    const kept = this.reset === "before" ? h.map((value, k) => value * gate.reset[k]) : h;
    const state = h.map((value, k) => {
      const row = first + k, from = product(recurrent, row, kept);
      const past = recurrentBias ? gate.reset[k] * (from + recurrentBias[k]) : from;
      const candidate = Math.tanh(product(input, row, x) + bias[row] + past);
      return (1 - gate.update[k]) * candidate + gate.update[k] * value;
    });
    return {state, gates: gate};
  }

  // log p of the classes from `start` to `stop`, and of `extra` logits, among themselves.
  logSoftmax(start, stop, hidden, extra = []) {
    const size = stop - start, logits = new Float64Array(size + extra.length);
    for (let i = 0; i < size; i++) {
      logits[i] = product(this.weight, start + i, hidden) + this.bias[start + i];
    }
    logits.set(extra, size);
    const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - highest), 0)) + highest;
    return logits.map(x => x - total);
  }

  // log p of every class after `state`. In two levels: the commonest and the last two classes, and
  // one logit per cluster; then the classes of each cluster.
  logProbabilities(state) {
    const hidden = state[state.length - 1], {bounds, classes} = this;
    if (!bounds.length) return this.logSoftmax(0, classes, hidden);
    const first = bounds[0], last = bounds[bounds.length - 1], found = new Float64Array(classes);
    const extra = [last, last + 1].map(i => product(this.weight, i, hidden) + this.bias[i]);
    for (let k = 0; k + 1 < bounds.length; k++) {
      extra.push(product(this.clusterWeight, k, hidden) + this.clusterBias[k]);
    }
    const head = this.logSoftmax(0, first, hidden, extra);
    found.set(head.subarray(0, first));
    found.set(head.subarray(first, first + 2), last);
    for (let k = 0; k + 1 < bounds.length; k++) {
      const inside = this.logSoftmax(bounds[k], bounds[k + 1], hidden);
      found.set(inside.map(x => x + head[first + 2 + k]), bounds[k]);
    }
    return found;
  }
}
