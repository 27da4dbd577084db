"""The page: its data, style and scripts in one file, which asks nothing of any network.

Nothing in it depends on when or where it was made: the same models give the same bytes. Words come
from a text that anyone may have written, so they are data, never markup: scripts put them into
text nodes, and a policy lets the browser run the page's own scripts only.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wordlab.corpus.vocabulary import Vocabulary, study_words
from wordlab.errors import UserError
from wordlab.evaluation.vectors.analogy import Questions, score
from wordlab.explorer import network, text, words
from wordlab.params.embeddings import ExplorerParams
from wordlab.params.text import PreprocessParams
from wordlab.recurrent.language_model import LanguageModel

FOLDER = Path(__file__).parent
SCRIPTS = ("packing", "tokens", "vectors", "network", "parts", "words", "map", "analogy", "writing")
"""In the order in which they need one another."""
EXAMPLES = 6
"""How many words, analogies and texts are offered."""
SPARE = 4096
"""Characters kept free for what depends on how many words there are."""


def build(
    spaces: words.Spaces,
    maps: Mapping[str, Mapping[str, Any]],
    params: ExplorerParams,
    preprocess: PreprocessParams,
    *,
    stability: Mapping[str, Mapping[str, float]] | None = None,
    model: LanguageModel | None = None,
    named: Sequence[str] | None = None,
    questions: Questions | None = None,
    texts: Sequence[str] = (),
) -> str:
    """Return the explorer as one HTML page that needs no other file.

    spaces: the models of word vectors, at least one; maps: words in the plane by model, as
    `Projection.drawn` has them; stability: of words of these maps by model, which fades those whose
    neighbours change; model: the language model, which is left out, with a line that says why,
    where the page cannot have it. named, questions, texts: words to look up, analogies and
    beginnings, of which the page offers some as examples.

    The page has as many of the commonest words as it has room for, `params.words` at most. Raises
    UserError if it has room for none.
    """
    limit = int(params.megabytes * 1e6)
    known, steady = words.common(spaces), stability or {}
    why = (
        "This page has no language model." if model is None else network.refusal(model, limit // 2)
    )
    data: dict[str, Any] = {
        "text": text.rules(preprocess),
        "neighbours": params.neighbours,
        "without": why,
        "report": model is not None,
        "network": None if model is None or why else network.packed(model),
        **_of(known, maps, steady, named, questions, {}, texts),
    }
    frame = len(_page(data).encode())
    most = known.truncated(params.words)
    fit = words.fitting(spaces, most, params.neighbours, limit - frame - SPARE)
    if not fit:
        raise UserError(
            f"explorer.megabytes: {params.megabytes:g} MB have no room for the vector of a word; "
            f"expected more than the {frame / 1e6:.1f} MB that the rest of the page takes"
        )
    shown = most.truncated(fit)
    data |= {
        **_of(shown, maps, steady, named, questions, spaces, texts),
        "words": shown.words,
        "counts": shown.counts.tolist(),
        "known": len(known),
        "models": words.packed(spaces, shown, params.neighbours),
        "kept": words.kept_by_rounding(spaces, shown, params.neighbours),
    }
    return _page(data)


def _of(
    known: Vocabulary,
    maps: Mapping[str, Mapping[str, Any]],
    stability: Mapping[str, Mapping[str, float]],
    named: Sequence[str] | None,
    questions: Questions | None,
    answering: words.Spaces,
    texts: Sequence[str],
) -> dict[str, Any]:
    """Return the maps of the words of `known`, and what the page offers to begin with."""
    return {
        "maps": words.mapped(maps, known, stability),
        "examples": {
            "words": study_words(named, known, EXAMPLES),
            "analogies": _asked(questions, known, answering) if questions else [],
            "texts": texts[:EXAMPLES],
        },
    }


def _asked(
    questions: Questions, known: Vocabulary, spaces: words.Spaces
) -> list[tuple[str, str, str, str]]:
    """Return a question of each section whose words are all of `known`, in lower case where only
    that is: the first that a dense space answers among these words, else the first.

    Sections with an answer come first.
    """
    lower = [(a.lower(), b.lower(), c.lower(), d.lower()) for a, b, c, d in questions.words]
    asked = [
        (section, question)
        for section, *spellings in zip(questions.section, questions.words, lower, strict=True)
        if (
            question := next((one for one in spellings if all(word in known for word in one)), None)
        )
    ]
    spelt = Questions(
        tuple(question for _, question in asked), questions.sections,
        np.array([section for section, _ in asked], dtype=np.int64),
    )  # fmt: skip
    solved = np.zeros(len(asked), dtype=bool)
    for space in words.restricted(spaces, known):
        solved |= score(space, spelt, "3cosadd", ignore_case=False).correct
    found: dict[int, tuple[str, str, str, str]] = {}
    for wanted in (True, False):
        for (section, question), right in zip(asked, solved.tolist(), strict=True):
            if right is wanted:
                found.setdefault(section, question)
    return list(found.values())[:EXAMPLES]


def _page(data: Mapping[str, Any]) -> str:
    """Return the page with `data`, which no content of it can leave."""
    style = _inlined("page.css")
    script = "".join(_inlined(f"{name}.js") for name in SCRIPTS)
    held = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        "style": style,
        "data": held.replace("<", r"\u003c"),
        "script": script,
    }
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: parts[found[1]], _inlined("page.html"))


def _inlined(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """Return the source of a Content-Security-Policy that allows exactly this content."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
