// Words in the plane: around the chosen word, or the commonest words as the pipeline laid them out.
const AROUND = 30, ANCHORS = 5;
const canvas = element("plane"), choice = element("map-model"), ways = element("map-way");
const plot = {points: [], view: {x: 0, y: 0, zoom: 1}, placed: [], cursor: null, size: [0, 0]};

// The first two principal axes of rows with these inner products, by power iteration.
function principal(gram) {
  const n = gram.length, means = gram.map(row => row.reduce((a, b) => a + b, 0) / n);
  const mean = means.reduce((a, b) => a + b, 0) / n;
  const centred = gram.map((row, i) => row.map((x, j) => x - means[i] - means[j] + mean));
  const axes = [];
  for (let axis = 0; axis < 2; axis++) {
    let v = Array.from({length: n}, (_, i) => Math.sin(1 + i * (axis + 1))), value = 0;
    for (let round = 0; round < 200; round++) {
      let w = centred.map(row => row.reduce((sum, x, j) => sum + x * v[j], 0));
      for (const [before] of axes) {
        const part = before.reduce((sum, x, j) => sum + x * w[j], 0);
        w = w.map((x, j) => x - part * before[j]);
      }
      value = Math.hypot(...w);
      if (value < 1e-9) break;
      v = w.map(x => x / value);
    }
    axes.push([v, Math.sqrt(value)]);
  }
  return gram.map((_, i) => axes.map(([v, scale]) => v[i] * scale));
}

function pointsAround(model, i) {
  const near = [[i, 1], ...model.near(i, AROUND)];
  const places = principal(near.map(([a]) => near.map(([b]) => model.cosine(a, b))));
  const [x, y] = [0, 1].map(axis => {
    const along = places.map(place => place[axis]);
    const middle = (Math.min(...along) + Math.max(...along)) / 2;
    return along.map(value => value - middle);
  });
  const reach = Math.max(...[...x, ...y].map(Math.abs)) || 1;
  return near.map(([j, cosine], rank) => ({
    i: j, cosine, x: x[rank] / reach, y: y[rank] / reach,
    near: rank > 0 && rank <= page.neighbours,
  }));
}

// The words of the map; the chosen one and its neighbours that it lacks between their nearest.
function pointsOfMap(model, way, i) {
  const {ids, stability, [way]: places} = page.maps.find(map => map.name === model.name);
  const near = new Map(model.near(i)), spot = new Map(ids.map((j, k) => [j, places[k]]));
  const points = ids.map((j, k) => (
    {i: j, x: places[k][0], y: places[k][1], near: near.has(j), cosine: near.get(j),
      stability: stability?.[k] ?? undefined}));
  for (const j of [i, ...near.keys()].filter(one => !spot.has(one))) {
    const similar = model instanceof Dense
      ? best(ids.map(one => model.cosine(j, one)), ANCHORS).map(([k, cosine]) => [ids[k], cosine])
      : model.near(j).filter(([one]) => spot.has(one));
    const anchors = similar.filter(([, cosine]) => cosine > 0);
    const total = anchors.reduce((sum, [, cosine]) => sum + cosine ** 2, 0);
    if (!total) continue;
    const at = axis => anchors.reduce(
      (sum, [one, cosine]) => sum + cosine ** 2 * spot.get(one)[axis], 0) / total;
    points.push({i: j, x: at(0), y: at(1), near: near.has(j), cosine: near.get(j), between: true});
  }
  return points;
}

function layOut() {
  const model = models[choice.value], only = !(model instanceof Dense);
  ways.querySelector("[value=around]").disabled = only;
  const mapped = page.maps.some(map => map.name === model.name);
  if (only && ways.value === "around") ways.value = "tsne";
  const way = mapped ? ways.value : "around";
  plot.points = way !== "around" ? pointsOfMap(model, way, chosen.word)
    : only ? [] : pointsAround(model, chosen.word);
  plot.cursor = null;
  const about = {
    around: "The axes have no meaning of their own: they are the two directions in which these "
      + "words differ most. Near words mostly lie close; not all that lie close are near.",
    tsne: "The axes have no meaning: t-SNE keeps near words together, and distances far apart say "
      + "little.",
    pca: "Across: the first principal component; upwards: the second.",
  }[way];
  const map = page.maps.find(one => one.name === model.name);
  const share = way === "pca" && map.explained !== null
    ? ` They hold ${percent(map.explained)} of the variance.` : "";
  const between = plot.points.some(point => point.between)
    ? " A ring is a word that this map lacks, drawn between its nearest words." : "";
  const lost = !plot.points.some(point => point.i === chosen.word)
    ? " The chosen word has no near word on this map." : "";
  const faint = plot.points.some(point => point.stability !== undefined)
    ? " The fainter a word, the fewer of its nearest words stay so when documents are drawn anew."
    : "";
  element("map-about").textContent = about + share + between + lost + faint;
  const near = plot.points.filter(point => point.near).map(point => shown(words[point.i]));
  canvas.setAttribute("aria-label", `Map of ${plot.points.length} words by ${model.name}. `
    + `Chosen: ${shown(words[chosen.word])}. Near it: ${listed(near) || "none"}. `
    + "Arrow keys go from word to word, Enter chooses, plus and minus zoom, 0 shows all.");
  draw();
}

function showAll() { plot.view = {x: 0, y: 0, zoom: 1}; draw(); }

function scaleOf() { return Math.min(...plot.size) * 0.43 * plot.view.zoom; }

function draw() {
  const box = canvas.getBoundingClientRect();
  if (!box.width) return;
  plot.size = [box.width, box.height];
  const pen = sheet(canvas, box.width, box.height), {view, points} = plot, scale = scaleOf();
  const stretch = Math.max(1, Math.min(1.8, box.width / box.height));  // labels need the width
  plot.placed = points.map(({x, y}) => [
    box.width / 2 + (x - view.x) * scale * stretch, box.height / 2 - (y - view.y) * scale]);
  plot.stretch = stretch;
  const paint = {chosen: colour("--accent"), near: colour("--near"), ink: colour("--ink"),
    dot: colour("--dot")};
  const rank = point => point.i === chosen.word ? 0 : point.near ? 1 : 2;
  const order = points.map((_, k) => k).sort((a, b) => rank(points[a]) - rank(points[b]) || a - b);
  const middle = points.findIndex(point => point.i === chosen.word), taken = [];
  pen.lineWidth = 1;
  pen.strokeStyle = paint.near;
  pen.globalAlpha = 0.45;
  points.forEach((point, k) => {
    if (!point.near || middle < 0) return;
    pen.beginPath();
    pen.moveTo(...plot.placed[middle]);
    pen.lineTo(...plot.placed[k]);
    pen.stroke();
  });
  pen.globalAlpha = 1;
  for (const k of order) {
    const point = points[k], [x, y] = plot.placed[k], level = rank(point);
    if (x < -60 || y < -20 || x > box.width + 60 || y > box.height + 20) continue;
    const alpha = level < 2 ? 1 : 0.3 + 0.7 * (point.stability ?? 1);
    pen.globalAlpha = alpha;
    pen.fillStyle = pen.strokeStyle = [paint.chosen, paint.near, paint.dot][level];
    pen.beginPath(); pen.arc(x, y, level < 2 ? 4.5 : 2.5, 0, 7);
    if (point.between) { pen.lineWidth = 2; pen.stroke(); } else pen.fill();
    if (k === plot.cursor) {
      pen.globalAlpha = 1;
      pen.lineWidth = 2; pen.strokeStyle = paint.ink;
      pen.beginPath(); pen.arc(x, y, 9, 0, 7); pen.stroke();
    }
    pen.font = `${level < 2 ? "600 14px" : "13px"} system-ui, "DejaVu Sans", sans-serif`;
    const label = shown(words[point.i]), width = pen.measureText(label).width;
    const left = x + 8 + width > box.width ? x - 8 - width : x + 7;
    const spot = [y - 9, y + 8, y - 22, y + 20].map(top => [left, top, width, 16]).find(
      ([l, t, w, h], tries) => (level < 2 || !tries) && taken.every(
        b => l > b[0] + b[2] || l + w < b[0] || t > b[1] + b[3] || t + h < b[1]));
    if (!spot && k !== plot.cursor && level) continue;
    const [l, t] = spot ?? [left, y - 9];
    taken.push([l, t, width, 16]);
    pen.globalAlpha = k === plot.cursor ? 1 : alpha;
    pen.fillStyle = [paint.chosen, paint.near, paint.ink][level];
    pen.fillText(label, l, t + 13);
  }
  pen.globalAlpha = 1;
}

function zoom(factor, at = [plot.size[0] / 2, plot.size[1] / 2]) {
  const {view} = plot, before = scaleOf();
  const dx = at[0] - plot.size[0] / 2, dy = plot.size[1] / 2 - at[1];
  view.zoom = Math.min(40, Math.max(0.5, view.zoom * factor));
  view.x += dx / before / plot.stretch - dx / scaleOf() / plot.stretch;
  view.y += dy / before - dy / scaleOf();
  draw();
}

function pan(dx, dy) {
  plot.view.x -= dx / scaleOf() / plot.stretch;
  plot.view.y += dy / scaleOf();
  draw();
}

function closest(x, y, reach = 22) {
  let found = null;
  plot.placed.forEach(([a, b], k) => {
    const distance = Math.hypot(a - x, b - y);
    if (distance < reach) { reach = distance; found = k; }
  });
  return found;
}

function point(k) {
  if (plot.cursor === k) return;
  plot.cursor = k;
  const at = k === null ? null : plot.points[k];
  element("map-read").replaceChildren(...(at === null ? [] : [
    wordElement(words[at.i]), at.cosine === undefined || at.i === chosen.word ? ""
      : ` has cosine ${decimals(at.cosine, 2)} with the chosen word`]));
  draw();
}

// The closest word in a direction, from the word that the keys are at.
function go(dx, dy) {
  const from = plot.cursor ?? plot.points.findIndex(one => one.i === chosen.word);
  const [x, y] = plot.placed[Math.max(0, from)] ?? [0, 0];
  let least = Infinity, next = null;
  plot.placed.forEach(([a, b], k) => {
    const along = (a - x) * dx + (b - y) * dy, aside = Math.abs((a - x) * dy - (b - y) * dx);
    const cost = along + 2 * aside;
    if (k !== from && along > 0 && aside <= along && cost < least) { least = cost; next = k; }
  });
  if (next === null) return;
  const [a, b] = plot.placed[next], [width, height] = plot.size;
  if (a < 0 || b < 0 || a > width || b > height) pan(width / 2 - a, height / 2 - b);
  point(next);
}

const fingers = new Map();
let moved = false;
const local = event => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
canvas.addEventListener("pointerdown", event => {
  fingers.set(event.pointerId, local(event));
  moved = fingers.size > 1;
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", event => {
  const at = local(event), before = fingers.get(event.pointerId);
  if (!before) { point(closest(...at)); return; }
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (!other && !moved && Math.hypot(at[0] - before[0], at[1] - before[1]) < 4) return;
  moved = true;
  fingers.set(event.pointerId, at);
  const share = other ? 0.5 : 1;
  pan((at[0] - before[0]) * share, (at[1] - before[1]) * share);
  if (!other) return;
  const apart = one => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
  zoom(apart(at) / apart(before), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
});
canvas.addEventListener("pointerup", event => {
  const k = closest(...local(event));
  if (!moved && k !== null) chosen.choose(plot.points[k].i);
  fingers.delete(event.pointerId);
});
canvas.addEventListener("pointercancel", event => fingers.delete(event.pointerId));
canvas.addEventListener("pointerleave", () => { if (!fingers.size) point(null); });
canvas.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.005), local(event));
}, {passive: false});
canvas.addEventListener("keydown", event => {
  const keys = {
    ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0),
    ArrowUp: () => go(0, -1), ArrowDown: () => go(0, 1),
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: showAll,
    Enter: () => { if (plot.cursor !== null) chosen.choose(plot.points[plot.cursor].i); },
  };
  if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  keys[event.key]();
});
element("map-in").onclick = () => zoom(1.4);
element("map-out").onclick = () => zoom(1 / 1.4);
element("map-whole").onclick = showAll;
choice.replaceChildren(...models.map((model, k) => new Option(model.name, k)));
choice.onchange = ways.onchange = () => { plot.view = {x: 0, y: 0, zoom: 1}; layOut(); };
chosen.watchers.push(layOut);
window.addEventListener("resize", draw);
dark.addEventListener("change", draw);
