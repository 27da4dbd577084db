// Analogies: which word is to c what b is to a, by each model with vectors.
const ANSWERS = 6;
const places = ["a", "b", "c"].map(name => element(`analogy-${name}`));

function answer(expected) {
  const said = element("analogy-said"), given = places.map(input => find(input.value));
  const unknown = places.find((input, k) => given[k] === undefined && input.value.trim());
  element("answers").replaceChildren();
  said.replaceChildren();
  if (unknown) {
    sayUnknown(said, unknown, i => { unknown.value = words[i]; answer(); });
    return;
  }
  if (given.includes(undefined)) {
    said.textContent = "Three words are needed.";
    return;
  }
  const [a, b, c] = given.map(i => wordElement(words[i]));
  said.append(a, " is to ", b, " as ", c, " is to \u2026");
  if (expected !== undefined) said.append(" Expected: ", wordElement(words[expected]), ".");
  element("answers").replaceChildren(...dense.map(model => {
    const found = model.analogy(...given, ANSWERS), full = Math.max(0.01, found[0]?.[1] ?? 1);
    return card(model.name, make("ol", {className: "answers"}, ...found.map(pair => ranked(
      pair, {full, mark: pair[0] === expected ? "right" : "", use: chooseAndGo}))));
  }));
}

function chooseAndGo(i) {
  chosen.choose(i);
  element("words").scrollIntoView();
  element("word").focus({preventScroll: true});
}

element("ask-analogy").addEventListener("submit", event => { event.preventDefault(); answer(); });
places.forEach(suggest);
const asked = page.examples.analogies.map(question => question.map(word => index.get(word)));
buttons(
  element("analogy-examples"),
  asked,
  ([a, b, c]) => make("span", {}, ...[a, " : ", b, " :: ", c, " : ?"].map(
    part => typeof part === "number" ? wordElement(words[part]) : part)),
  question => {
    places.forEach((input, k) => { input.value = words[question[k]]; });
    answer(question[3]);
  });
if (asked.length) {  // begin with one that some model answers, if there is one
  const [question] = asked.filter(([a, b, c, d]) => dense.some(
    model => model.analogy(a, b, c, 1)[0]?.[0] === d)).concat(asked);
  places.forEach((input, k) => { input.value = words[question[k]]; });
  answer(question[3]);
}
element("analogies").hidden = !dense.length;
