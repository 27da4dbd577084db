// A word, its neighbours in each model side by side, and its strongest associations.
function showWord(i) {
  const entry = element("word");
  if (find(entry.value) !== i) entry.value = words[i];
  const times = page.counts[i] === 1 ? "once" : `${whole(page.counts[i])} times`;
  element("said").replaceChildren(
    wordElement(words[i]),
    ` is word number ${whole(i + 1)} by frequency: it occurs ${times} in the training text.`);
  const list = (found, otherwise, looks) => found.length
    ? make("ol", {}, ...found.map(pair => ranked(pair, looks)))
    : make("p", {className: "note", textContent: otherwise});
  const cards = models.map(
    model => card(model.name, list(model.near(i), "No word is near: its vector is 0.")));
  for (const model of models.filter(one => one instanceof Sparse)) {
    const found = model.associations(i), looks = {places: 1, full: found[0]?.[1]};
    const otherwise = "No word occurs near it more often than by chance.";
    cards.push(card("Strongest associations", list(found, otherwise, looks)));
  }
  refill(element("near"), ...cards);
}

chosen.watchers.push(showWord);
suggest(element("word"));
element("word").addEventListener("input", event => {
  const i = find(event.target.value);
  if (i !== undefined) chosen.choose(i);
});
element("ask-word").addEventListener("submit", event => {
  event.preventDefault();
  const input = element("word"), i = find(input.value);
  if (i !== undefined) chosen.choose(i);
  else if (input.value.trim()) sayUnknown(element("said"), input, j => chosen.choose(j));
});
buttons(element("word-examples"), page.examples.words.filter(word => index.has(word)), wordElement,
  word => chosen.choose(index.get(word)));
element("word-note").textContent = [
  words.length < page.known
    && `This page has the ${whole(words.length)} commonest of ${whole(page.known)} words.`,
  "Nearness is the cosine of two vectors: 1 is the same direction, 0 unrelated.",
  models.some(model => model instanceof Sparse)
    && "Associations are words that occur near it more often than by chance: their pointwise "
      + "mutual information, in nats.",
  page.kept !== null
    && `Vectors are rounded to keep this page small: of a word's ${page.neighbours} nearest, on `
      + `average ${decimals(page.neighbours * page.kept, 1)} are those of the vectors themselves.`,
].filter(Boolean).join(" ");
