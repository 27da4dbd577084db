// Word vectors, of which only directions count, and lists of nearest words of what has none.
const words = page.words, index = new Map(words.map((word, i) => [word, i]));

// The `count` highest of scores, highest first, the commoner first of equals, without `barred`.
function best(scores, count, barred = []) {
  const kept = [], skipped = new Set(barred);
  for (let i = 0; i < scores.length; i++) {
    if (skipped.has(i) || kept.length === count && scores[i] <= kept[count - 1][1]) continue;
    let place = kept.length;
    while (place && kept[place - 1][1] < scores[i]) place--;
    kept.splice(place, 0, [i, scores[i]]);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

class Dense {
  constructor({name, rows}) {
    this.name = name;
    this.width = rows.width;
    this.rows = Int8Array.from(unpackSigned(rows));
    this.lengths = Float64Array.from(words, (_, i) => Math.sqrt(this.product(i, i)) || 1);
  }

  product(i, j) {
    let sum = 0;
    const {rows, width} = this;
    for (let k = 0, a = i * width, b = j * width; k < width; k++) sum += rows[a + k] * rows[b + k];
    return sum;
  }

  cosine(i, j) { return this.product(i, j) / (this.lengths[i] * this.lengths[j]); }

  cosines(i) { return Float64Array.from(words, (_, j) => this.cosine(i, j)); }

  near(i, count = page.neighbours) { return best(this.cosines(i), count, [i]); }

  // 3CosAdd: cos(x, b) - cos(x, a) + cos(x, c), for every word x but the three.
  analogy(a, b, c, count) {
    const from = this.cosines(a), to = this.cosines(b), other = this.cosines(c);
    return best(other.map((x, i) => x + to[i] - from[i]), count, [a, b, c]);
  }
}

class Sparse {
  constructor({name, near, associations}) {
    this.name = name;
    this.lists = {near, associations};
    for (const list of [near, associations]) {
      list.word = unpack(list.ids);
      list.value = unpack(list.values);
    }
  }

  list(kind, i) {
    const {width, word, value, values} = this.lists[kind], found = [];
    for (let k = i * width; k < (i + 1) * width; k++) {
      if (value[k]) found.push([word[k], value[k] * values.unit]);
    }
    return found;
  }

  near(i) { return this.list("near", i); }

  associations(i) { return this.list("associations", i); }
}

const models = page.models.map(model => model.rows ? new Dense(model) : new Sparse(model));
const dense = models.filter(model => model instanceof Dense);

// The word that is meant, as the text would have it: its number, or undefined.
function find(text) {
  const word = TEXT.normalised(text.trim());
  return index.get(word) ?? index.get(word.replaceAll(/\s+/gu, "_"));
}

// Known words that look like `text`: as many changed letters as may be a slip, the commonest first.
function similar(text, count = 5) {
  const wanted = TEXT.normalised(text.trim()), plain = wanted.toLowerCase();
  if (!wanted) return [];
  const allowed = plain.length < 4 ? 1 : 2, found = [];
  for (const [i, word] of words.entries()) {
    const low = word.toLowerCase();
    const cost = low === plain ? 0 : low.startsWith(plain) ? 0.5 : edits(low, plain, allowed);
    if (cost <= allowed) found.push([i, cost]);
  }
  return found.sort((a, b) => a[1] - b[1]).slice(0, count).map(([i]) => i);
}

// How many letters to add, drop or change from `a` to `b`; more than `allowed` is only a bound.
function edits(a, b, allowed) {
  if (Math.abs(a.length - b.length) > allowed) return allowed + 1;
  let row = Array.from({length: b.length + 1}, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    if (Math.min(...next) > allowed) return allowed + 1;
    row = next;
  }
  return row[b.length];
}
