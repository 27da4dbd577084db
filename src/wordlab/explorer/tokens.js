// Cuts what is typed into tokens, as the text was cut that the models have read.
const LINE_ENDS = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/u;

class Tokens {
  constructor(rules) {
    this.rules = rules;
    this.token = new RegExp(rules.token ?? "\\S+", rules.flags);
    this.invisible = new RegExp(rules.invisible, "gu");
    this.sentenceEnd = new RegExp(rules.sentence, "gu");
  }

  // The same characters, cases and digits as in the text.
  normalised(text) {
    if (this.rules.lowercase) text = text.toLowerCase();
    if (!this.rules.untouched) text = text.normalize("NFC");
    return this.rules.numbers === "zeros" ? text.replace(/\p{Nd}/gu, "0") : text;
  }

  // Without invisible characters, and with İ as it is in lower case.
  cleaned(text) {
    if (!this.rules.untouched) text = text.replace(this.invisible, "");
    return this.rules.lowercase ? text.replace(/İ|[iI]\u0307/gu, "i") : text;
  }

  // The tokens of each sentence; those without any are left out. known: has the vocabulary's words.
  sentences(text, known) {
    text = this.cleaned(text);
    if (this.rules.units === "sentences") {
      text = text.split(LINE_ENDS).join("\n").replace(this.sentenceEnd, "\n");
    } else if (this.rules.units === "documents") text = text.split(LINE_ENDS).join(" ");
    return this.normalised(text).split("\n").map(unit => {
      let tokens = unit.match(this.token) ?? [];
      if (this.rules.numbers === "drop") tokens = tokens.filter(token => !/\p{Nd}/u.test(token));
      for (let pass = 0; pass < this.rules.phrases; pass++) tokens = joined(tokens, known);
      return tokens;
    }).filter(tokens => tokens.length);
  }
}

// Neighbouring tokens that the vocabulary has as one, joined from left to right.
function joined(tokens, known) {
  const found = [];
  for (let place = 0; place < tokens.length; place++) {
    const pair = `${tokens[place]}_${tokens[place + 1]}`;
    if (place + 1 < tokens.length && known.has(pair)) { found.push(pair); place++; }
    else found.push(tokens[place]);
  }
  return found;
}

const TEXT = new Tokens(page.text);
