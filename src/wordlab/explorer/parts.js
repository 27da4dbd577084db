// What the sections share: elements, numbers, the chosen word.
const element = id => document.getElementById(id);

// An element with properties and children; text is only ever text.
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A word as people can see it: invisible characters by their numbers, so that none turns the line.
function shown(word) {
  return word.replace(/[\p{C}\p{Z}]/gu, c => {
    return `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

function wordElement(word) { return make("bdi", {textContent: shown(word)}); }

// Replace the children of an element; a button among them that has the focus leaves it to the one
// at its place.
function refill(target, ...children) {
  const enabled = () => [...target.querySelectorAll("button:enabled")];
  const place = enabled().indexOf(document.activeElement);
  target.replaceChildren(...children);
  if (place >= 0) (enabled()[place] ?? enabled().at(-1))?.focus({preventScroll: true});
}

// Decimals as the report writes them, shares to two or three digits.
const decimals = (x, places) => x.toFixed(places).replace(/^-(?=[0.]+$)/, "")
  .replace(/^(-?)0\./, "$1.").replace("-", "\u2212");
const whole = x => x.toLocaleString("en");
const percent = p => `${(100 * p).toPrecision(p < 0.0995 ? 2 : 3).replace(/\.0+$/, "")}\u00a0%`;

function listed(parts, last = "and") {
  const others = parts.slice(0, -1), end = parts.at(-1);
  return others.length ? `${others.join(", ")} ${last} ${end}` : end ?? "";
}

// A list of buttons, each of which calls `use` with its item.
function buttons(target, items, label, use) {
  target.replaceChildren(...items.map(item => {
    const button = make("button", {type: "button", className: "example"});
    button.append(label(item));
    button.onclick = () => use(item);
    return button;
  }));
}

// Say that the word in an input is not known, with buttons for the words that may be meant.
function sayUnknown(target, input, use) {
  const near = similar(input.value);
  target.replaceChildren(
    make("bdi", {textContent: shown(TEXT.normalised(input.value.trim()))}),
    ` is not among the ${whole(words.length)} commonest words of this text.`,
    ...(near.length ? [" Did you mean "] : []));
  near.forEach((i, place) => {
    const button = make("button", {type: "button", className: "link"}, wordElement(words[i]));
    button.onclick = () => { use(i); input.focus({preventScroll: true}); };
    target.append(place ? (place === near.length - 1 ? " or " : ", ") : "", button);
  });
  if (near.length) target.append("?");
}

// Suggest known words for what is typed into an input, through its datalist.
function suggest(input) {
  const options = element(input.getAttribute("list"));
  input.addEventListener("input", () => {
    const begun = TEXT.normalised(input.value.trim()), found = [];
    for (const word of begun ? words : []) {
      if (word.startsWith(begun)) found.push(new Option("", word));
      if (found.length === 8) break;
    }
    options.replaceChildren(...found);
  });
}

// The word that the first two sections are about, by number.
const chosen = {
  word: 0,
  watchers: [],
  choose(i) { this.word = i; for (const watch of this.watchers) watch(i); },
};

// A row of a ranked list: a word to choose, and its value with a bar.
function ranked([i, value], {places = 2, full = 1, use = j => chosen.choose(j), mark = ""} = {}) {
  const button = make("button", {type: "button", className: "link"}, wordElement(words[i]));
  button.onclick = () => use(i);
  const bar = make("span", {className: "bar"});
  bar.style.width = `${Math.max(0, Math.min(1, value / full)) * 100}%`;
  const number = make("span", {className: "value", textContent: decimals(value, places)});
  return make("li", {className: mark}, button, number, bar);
}

function card(title, ...children) {
  return make("div", {className: "card"}, make("h3", {textContent: title}), ...children);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A canvas cleared and scaled for its place on the screen.
function sheet(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}
