"""The results of the last run as Markdown tables, for the README and for a terminal."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wordlab.artifacts import read_json
from wordlab.errors import UserError

EMBEDDINGS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "glove": "GloVe",
    "ppmi_svd": "PPMI, SVD",
    "ppmi": "PPMI, sparse rows",
}
SETS = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999"}
LANGUAGE_MODELS = {
    "gru": "GRU",
    "lstm": "LSTM",
    "rnn": "RNN",
    "kneser_ney": "Kneser-Ney n-grams",
    "unigram": "unigram",
    "char": "GRU, characters",
    "kneser_ney_character": "Kneser-Ney n-grams, characters",
}


def tables(metrics: Path) -> str:
    """Return the tables of word vectors and of language models from the folder of metrics.

    Raises UserError if the pipeline has not made them.
    """
    found = {}
    for name in ("embeddings", "language_models"):
        path = metrics / f"{name}.json"
        if not path.exists():
            raise UserError(f"{path}: not found; `make repro` makes it")
        found[name] = read_json(path)
    return f"{embeddings(found['embeddings'])}\n\n{language_models(found['language_models'])}"


def embedding_headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the few numbers by which word vectors are compared at a glance, by model.

    None where no item of a set is known.
    """
    return {
        model: {
            **{name: _short(scores[name]["spearman"]) for name in scores if name != "analogy"},
            "analogy": _short(scores["analogy"][_method(scores)]["total"]),
        }
        for model, scores in metrics.items()
    }


def language_headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the few numbers by which language models are compared at a glance, by model."""
    keys = ("perplexity", "perplexity_known", "unknown_share")
    return {model: {key: _short(found[key]) for key in keys} for model, found in metrics.items()}


def _short(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")


def _method(scores: Mapping[str, Any]) -> str:
    """Return the first of the methods that analogies were answered by."""
    return next(key for key, value in scores["analogy"].items() if isinstance(value, Mapping))


def embeddings(metrics: Mapping[str, Any]) -> str:
    """Return the table of word vectors: correlations and analogies with intervals, n and seeds.

    A sentence, where no item of any set can be scored.
    """
    first = next(iter(metrics.values()))
    sets = [(name, SETS.get(name, name)) for name in first if name != "analogy"]
    if not any(first[name]["n"] for name in first):
        names = ", ".join([*(title for _, title in sets), "analogies"])
        return f"Word vectors: no item of these sets has all its words in the vocabulary: {names}."
    heads = ["word vectors"]
    for key, title in sets:
        heads.append(f"{title} ({first[key]['n']} of {first[key]['pairs']} pairs)")
    analogy = first["analogy"]
    heads.append(f"analogies ({analogy['n']:,} of {analogy['questions']:,})")
    method = _method(first)
    rows = []
    for key, title in EMBEDDINGS.items():
        scores = metrics[key]
        cells = [_scored(scores[name], "spearman", _fraction) for name, _ in sets]
        cells.append(_scored(scores["analogy"][method], "total", _percent, " %"))
        seeds = scores["analogy"].get("seeds", 1)
        rows.append([f"{title}, {seeds} seeds" if seeds > 1 else title, *cells])
    return _markdown(heads, rows)


def language_models(metrics: Mapping[str, Any]) -> str:
    """Return the table of language models: test perplexity, and its ratio to Kneser-Ney's."""
    rows = []
    for key, title in LANGUAGE_MODELS.items():
        if key not in metrics:
            continue
        scores = metrics[key]
        perplexity = f"{scores['perplexity']:.1f} {_interval(scores, '{:.1f}'.format)}"
        ratio = "1"
        if scores["ratio"] is not None:
            ends = f"[{scores['ratio_low']:.2f}, {scores['ratio_high']:.2f}]"
            ratio = f"{scores['ratio']:.2f} {ends}"
        known = f"{scores['perplexity_known']:.1f}"
        unknown = f"{_percent(scores['unknown_share'])} % of {scores['symbols']:,}"
        rows.append([title, perplexity, ratio, known, unknown, f"{scores['bits']:.2f}"])
    heads = ["test perplexity", "ratio to Kneser-Ney", "over known symbols", "unknown symbols"]
    return _markdown(["language model", *heads, "bits per symbol"], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scored(scores: Mapping[str, Any], key: str, text: Any, unit: str = "") -> str:
    """Return a score with its interval, a dash where it has no value."""
    if scores[key] is None:
        return "–"
    return f"{text(scores[key])} {_interval(scores, text)}{unit}"


def _fraction(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}"


def _interval(scores: Mapping[str, Any], text: Any) -> str:
    return f"[{text(scores['low'])}, {text(scores['high'])}]"
