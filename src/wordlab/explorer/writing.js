// A text as the language model reads it: what comes next, what surprised it, its gates over time.
const NEXT = 10, COLUMNS = 60;
const READ = 400, DROPPED = 200;  // of a longer text, so many are left out at a time
const network = page.network && new Network(page.network);
const draft = element("draft");
let reading = {ids: [], steps: []};

// The classes of the tokens of `text`, with ends of sentences between and after closed lines; the
// beginning of a word that is still being typed is left out, and returned as it is typed and read.
function read(text) {
  const lines = TEXT.sentences(text, network.index), tokens = [];
  lines.forEach((line, k) => {
    if (k) tokens.push({id: network.end, end: true});
    for (const word of line) tokens.push({word, id: network.index.get(word) ?? network.unknown});
  });
  let begun = null;
  if (tokens.at(-1)?.id === network.unknown) {
    const typed = typedLast(text, tokens.at(-1).word);
    if (typed !== null) begun = {typed, word: tokens.pop().word};
  }
  if (tokens.length && /\n\s*$/u.test(text) && page.text.units !== "documents") {
    tokens.push({id: network.end, end: true});
  }
  const left = DROPPED * Math.ceil(Math.max(0, tokens.length - READ) / DROPPED);
  return {tokens: tokens.slice(left), begun, left};
}

// The end of `text` that is read as `word`; null where the text ends in anything else.
function typedLast(text, word) {
  const most = Math.min(text.length, 4 * word.length);  // marks of their own make it longer
  for (let length = 1; length <= most; length++) {
    const end = text.slice(-length);
    if (TEXT.normalised(TEXT.cleaned(end)) === word) return end;
  }
  return null;
}

// The model's steps through `ids`, of which those that it has just read are kept.
function follow(ids) {
  let same = 0;
  while (same < ids.length && ids[same] === reading.ids[same]) same++;
  const steps = reading.steps.slice(0, same + 1);
  if (!steps.length) steps.push(after(network.end, network.start()));
  for (const id of ids.slice(same)) steps.push(after(id, steps.at(-1).state));
  reading = {ids, steps};
  return steps;
}

function after(id, state) {
  const next = network.step(id, state);
  return {...next, logs: network.logProbabilities(next.state)};
}

function named(id) {
  if (id === network.end) return make("i", {textContent: "end of sentence"});
  if (id === network.unknown) return make("i", {textContent: "an unknown word"});
  return wordElement(network.words[id]);
}

function append(id) {
  const space = /(^|\s)$/u.test(draft.value) ? "" : " ";
  draft.value += id === network.end ? "\n" : `${space}${network.words[id]} `;
  update();
}

function showNext(logs, begun) {
  let scores = logs;
  const said = element("next-said");
  said.replaceChildren();
  if (begun !== null) {
    scores = logs.map((x, i) => network.words[i]?.startsWith(begun.word) ? x : -Infinity);
    const any = scores.some(x => x > -Infinity);
    said.append(any ? "Words that begin with " : "No word that the model knows begins with ",
      wordElement(begun.word), any ? ":" : "; it reads it as an unknown word once you go on.");
  }
  const found = best(scores, NEXT).filter(([, x]) => x > -Infinity);
  const full = found.length ? Math.exp(found[0][1]) : 1;
  refill(element("next"), ...found.map(([id, x]) => {
    const button = make("button", {type: "button", className: "link"}, named(id));
    button.disabled = id === network.unknown;
    button.onclick = () => {
      if (begun !== null) draft.value = draft.value.slice(0, -begun.typed.length);
      append(id);
    };
    const bar = make("span", {className: "bar"});
    bar.style.width = `${100 * Math.exp(x) / full}%`;
    const value = make("span", {className: "value", textContent: percent(Math.exp(x))});
    return make("li", {}, button, value, bar);
  }));
}

// Draw a class but the unknown one from probabilities to the power of 1 / temperature.
function drawn(logs, temperature) {
  const weights = logs.map((x, i) => i === network.unknown ? 0 : Math.exp(x / temperature));
  let left = Math.random() * weights.reduce((a, b) => a + b, 0);
  return Math.max(0, weights.findIndex(w => (left -= w) < 0));
}

function complete(count, choose) {
  const {tokens, begun} = read(draft.value);
  if (begun !== null) draft.value += " ";
  const ids = [...tokens.map(token => token.id), ...(begun === null ? [] : [network.unknown])];
  let added = "";
  for (let k = 0; k < count; k++) {
    const id = choose(follow(ids).at(-1).logs);
    ids.push(id);
    const space = /(^|\s)$/u.test(draft.value + added) ? "" : " ";
    added += id === network.end ? "\n" : `${space}${network.words[id]}`;
  }
  draft.value += `${added.replaceAll(" \n", "\n")}${added.endsWith("\n") ? "" : " "}`;
  update();
  draft.scrollTop = draft.scrollHeight;
}

const mean = values => values.reduce((a, b) => a + b, 0) / values.length;

function showSurprise(tokens, steps, left) {
  const rows = tokens.map((token, k) => ({
    ...token, bits: -steps[k].logs[token.id] / Math.LN2, before: steps[k], step: steps[k + 1]}));
  const said = element("surprise-said");
  if (!rows.length) {
    said.textContent = "Type or choose a text above.";
  } else {
    const bits = mean(rows.map(row => row.bits));
    const unknown = rows.some(row => row.id === network.unknown);
    said.textContent = `${bits.toFixed(1)} bits per word on average: a perplexity of `
      + `${whole(Number((2 ** bits).toPrecision(3)))}. `
      + (unknown ? "Underlined words are unknown to the model, which reads all of them as one "
        + "symbol; their colour is what that symbol cost. " : "")
      + (left ? `The text is long: its first ${whole(left)} symbols are not read.` : "");
  }
  element("surprise").replaceChildren(...rows.flatMap(row => {
    const span = make("span", {className: "token"},
      row.end ? make("i", {textContent: "\u21b5"}) : wordElement(row.word));
    span.classList.toggle("unknown", row.id === network.unknown);
    span.style.setProperty("--heat", Math.min(1, row.bits / 16).toFixed(3));
    span.title = `${row.bits.toFixed(1)} bits`;
    return row.end ? [span, document.createElement("br")] : [span, " "];
  }));
  element("token-rows").replaceChildren(...rows.map(row => make("tr", {},
    make("th", {scope: "row"}, row.end ? named(row.id) : wordElement(row.word)),
    make("td", {textContent: row.bits.toFixed(1)}),
    make("td", {textContent: percent(2 ** -row.bits)}),
    make("td", {}, named(best(row.before.logs, 1)[0][0])),
    ...["update", "reset"].map(gate => make(
      "td", {textContent: decimals(mean(row.step.gates[gate]), 2)})))));
}

// Units by tokens: the gates, from 0 to 1, or the state, from -1 to 1.
function showGates(tokens, steps) {
  const kind = element("gate").value, last = tokens.slice(-COLUMNS);
  const columns = steps.slice(steps.length - last.length).map(
    step => kind === "state" ? step.state.at(-1) : step.gates[kind]);
  const chart = element("gates"), units = network.hidden;
  element("gates-box").hidden = !last.length;
  if (!last.length) return;
  const totals = Array.from({length: units}, (_, u) => mean(columns.map(column => column[u])));
  const order = totals.map((_, u) => u).sort((a, b) => totals[b] - totals[a] || a - b);
  const labels = last.map(token => token.end ? "\u21b5" : shown(token.word));
  const room = element("gates-box").clientWidth - 2;
  const wide = Math.min(30, Math.max(16, (room - 40) / last.length));
  const tall = Math.max(2, Math.round(240 / units));
  const top = 92, width = Math.ceil(wide * last.length + 40), height = top + tall * units;
  chart.style.width = `${width}px`;
  chart.style.height = `${height}px`;
  const pen = sheet(chart, width, height);
  pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
  const high = colour("--near"), low = colour("--accent"), ink = colour("--ink");
  columns.forEach((column, k) => {
    order.forEach((u, row) => {
      pen.globalAlpha = Math.min(1, Math.abs(column[u]));
      pen.fillStyle = column[u] < 0 ? low : high;
      pen.fillRect(k * wide, top + row * tall, Math.ceil(wide) - 1, tall);
    });
    pen.save();
    pen.globalAlpha = 1;
    pen.fillStyle = ink;
    pen.translate(k * wide + wide / 2 + 3, top - 6);
    pen.rotate(-Math.PI / 3);
    const label = labels[k].length > 13 ? `${labels[k].slice(0, 12)}\u2026` : labels[k];
    pen.fillText(label, 0, 0);
    pen.restore();
  });
  const means = columns.map(column => mean(column));
  const topWord = labels[means.indexOf(Math.max(...means))];
  const what = {
    update: "how much of its state each unit keeps",
    reset: "how much of its state each unit lets into the next candidate",
    state: "what each unit holds",
  }[kind];
  element("gates-about").textContent = "One row per unit of the last layer, the highest on average "
    + `on top; one column per symbol: ${what}. `
    + (kind === "state" ? "Orange is towards 1, blue towards \u22121." : "Pale is 0, orange is 1.")
    + (tokens.length > COLUMNS ? ` The last ${COLUMNS} symbols are shown.` : "");
  chart.setAttribute("aria-label", `${element("gate").selectedOptions[0].text} of ${units} units `
    + `over ${last.length} symbols; on average ${decimals(mean(means), 2)}, highest at ${topWord}. `
    + "The table above has the means of the gates per symbol.");
}

function update() {
  const {tokens, begun, left} = read(draft.value), steps = follow(tokens.map(token => token.id));
  showNext(steps.at(-1).logs, begun);
  showSurprise(tokens, steps, left);
  showGates(tokens, steps);
}

if (network) {
  draft.addEventListener("input", update);
  element("gate").onchange = update;
  element("add-likeliest").onclick = () => complete(
    1, logs => best(logs, 1, [network.unknown])[0][0]);
  element("write-more").onclick = () => complete(
    20, logs => drawn(logs, Number(element("heat").value)));
  element("heat").oninput = () => { element("heat-value").textContent = element("heat").value; };
  element("clear").onclick = () => { draft.value = ""; update(); draft.focus(); };
  buttons(element("texts"), page.examples.texts,
    text => make("bdi", {textContent: shownText(text)}),
    text => { draft.value = `${text} `; update(); });
  if (!page.text.token) {
    element("tokens-note").textContent = `The text was split by nltk's ${page.text.tokeniser}, `
      + "which this page does not have: put spaces between tokens.";
  }
  draft.value = `${page.examples.texts[0] ?? words[0]} `;
  update();
  window.addEventListener("resize", update);
  dark.addEventListener("change", update);
} else {
  element("without").textContent = page.without;
  element("with-network").hidden = true;
}

function shownText(text) { return text.split(" ").map(shown).join(" "); }

element("to-report").hidden = !page.report;
if (words.length) chosen.choose(index.get(page.examples.words[0]) ?? 0);
