"use strict";
// The page's data, and whole numbers from its text: the other end of packing.py.
const page = JSON.parse(document.getElementById("data").textContent);

const DIGITS = new Map();
for (let code = 33; code < 127; code++) {
  if (!'"<\\'.includes(String.fromCharCode(code))) DIGITS.set(code, DIGITS.size);
}
const VALUES = Uint8Array.from({length: 128}, (_, code) => DIGITS.get(code) ?? 0);

function unpack({levels, numbers, characters, length, text}) {
  const found = new Int32Array(length);
  for (let place = 0, start = 0; place < length; start += characters) {
    let group = 0;  // below 2^53, so exact
    for (let i = start + characters - 1; i >= start; i--) {
      group = group * 91 + VALUES[text.charCodeAt(i)];
    }
    for (let i = 0; i < numbers && place < length; i++, place++) {
      const rest = Math.floor(group / levels);
      found[place] = group - rest * levels;
      group = rest;
    }
  }
  return found;
}

function unpackSigned(packed) {
  const middle = packed.levels >> 1;
  return unpack(packed).map(x => x - middle);
}

function unpackValues(packed) {
  return Float32Array.from(unpackSigned(packed), x => x * packed.unit);
}

function unpackMatrix(packed) {
  const units = Float64Array.from(unpackSigned(packed.units), x => x * packed.units.unit);
  const whole = unpackSigned(packed), {width} = packed;
  return {width, values: Float32Array.from(whole, (x, i) => x * units[Math.floor(i / width)])};
}
