"""The map with hostile words and models of hostile names, in a browser: shown, and nothing runs."""

from made_models import HOSTILE, WORDS, build, spaces

from browser import evaluated

NAMES = ("<img src=x onerror=hit()>.vec", '"><script>hit()</script>')
PLAY = """({hostile}) => {
  const result = {ran: [], drawn: [], labels: [], read: []};
  globalThis.hit = () => result.ran.push("a word");
  const pen = CanvasRenderingContext2D.prototype, fillText = pen.fillText;
  pen.fillText = function (text, ...at) {
    result.drawn.push(text);
    return fillText.call(this, text, ...at);
  };
  result.models = [...element("map-model").options].map(one => one.textContent);
  for (const [number] of result.models.entries()) for (const way of ["around", "tsne", "pca"]) {
    element("map-model").value = [...element("map-model").options][number].value;
    element("map-way").value = way;
    for (const word of hostile) {
      element("word").value = word;
      element("word").dispatchEvent(new Event("input"));
      layOut();
      result.labels.push([word, canvas.getAttribute("aria-label")]);
      canvas.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
      result.read.push(element("map-read").textContent);
    }
  }
  result.images = document.images.length;
  result.scripts = document.querySelectorAll("body script:not([type])").length;
  result.fetched = performance.getEntriesByType("resource").length;
  return result;
}"""
CONTROLS = {"\0": "⟨U+0000⟩", "\N{RIGHT-TO-LEFT OVERRIDE}": "⟨U+202E⟩"}


def test_the_map_shows_hostile_words_and_runs_none(tmp_path):
    dense = [one for name, one in spaces().items() if name != "ppmi"]
    page = build(dict(zip(NAMES, dense, strict=True)))
    found = evaluated(page, PLAY, {"hostile": HOSTILE}, tmp_path)
    assert found.get("error") is None
    assert found["ran"] == [] and found["images"] == 0 and found["fetched"] == 0
    assert found["models"][0] == NAMES[0]
    assert len(found["labels"]) == 2 * 3 * len(HOSTILE)
    for word, label in found["labels"]:
        visible = CONTROLS.get(word, word).replace(" ", "⟨U+0020⟩")
        assert f"Chosen: {visible}." in label
    texts = [*found["drawn"], *found["read"], *(label for _, label in found["labels"])]
    assert not any(control in text for text in texts for control in CONTROLS)
    assert {"<script>hit()</script>", '"quoted"'} <= set(found["drawn"])
    assert set(WORDS.words) & set(found["drawn"])


FADED = """() => {
  const alphas = new Set(), pen = CanvasRenderingContext2D.prototype, fillText = pen.fillText;
  pen.fillText = function (...given) {
    alphas.add(this.globalAlpha.toFixed(2));
    return fillText.apply(this, given);
  };
  element("map-way").value = "tsne";
  return [...element("map-model").options].map(one => {
    element("map-model").value = one.value;
    alphas.clear();
    layOut();
    return [element("map-about").textContent.includes("fainter"), [...alphas].sort()];
  });
}"""


def test_the_map_fades_words_whose_neighbours_change(tmp_path):
    dense = {name: one for name, one in spaces().items() if name != "ppmi"}
    page = build(dense, stability={"skipgram": dict.fromkeys(WORDS.words, 0.5)})
    faded, plain = evaluated(page, FADED, {}, tmp_path)
    assert faded == [True, ["0.65", "1.00"]]  # the chosen word and its neighbours are not faded
    assert plain == [False, ["1.00"]]
