"""The scores of a pass as tables in Markdown: what `wordlab results` prints, and README shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wordlab.artifacts import read_json
from wordlab.errors import UserError
from wordlab.names import EMBEDDINGS, LANGUAGE_MODELS, similarity
from wordlab.report import tables


class Scored(NamedTuple):
    """The scores of a pass: a head, how many items each column has, and a row per model."""

    head: Sequence[str]
    sizes: Sequence[str]
    rows: Sequence[Sequence[str]]


def results(metrics: Path) -> str:
    """Return the tables of word vectors and of language models from the folder of metrics.

    Raises UserError if the pipeline has not made them.
    """
    vectors, networks = _scores(metrics)
    return f"{embeddings(vectors)}\n\n{language_models(networks)}"


def side_by_side(passes: Mapping[str, Path]) -> str:
    """Return the same two tables with the rows of several passes, each under its title.

    passes: the folders of their metrics, by title. Raises UserError if one has none, or if they
    are scored on different sets.
    """
    read = {title: _scores(metrics) for title, metrics in passes.items()}
    vectors = {title: _of_vectors(scores) for title, (scores, _) in read.items()}
    networks = {title: _of_networks(scores) for title, (_, scores) in read.items()}
    return f"{_under_titles(vectors)}\n\n{_under_titles(networks)}"


def _under_titles(scored: Mapping[str, Scored | str]) -> str:
    head: Sequence[str] = []
    rows: list[Sequence[str]] = []
    for title, one in scored.items():
        if isinstance(one, str):
            raise UserError(f"{title}: {one}")
        head = head or one.head
        if one.head != head:
            raise UserError(f"{title}: scored on {', '.join(one.head)}; not on {', '.join(head)}")
        rows += [[f"**{title}**", *one.sizes], *one.rows]
    return tables.markdown(head, rows)


def _scores(metrics: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the scores of word vectors and of language models."""
    found = []
    for name in ("embeddings", "language_models"):
        path = metrics / f"{name}.json"
        if not path.exists():
            raise UserError(f"{path}: not found; `make repro` makes it")
        found.append(read_json(path))
        if not found[-1]:
            raise UserError(f"{path}: no scores in it; `make repro` makes it")
    return found[0], found[1]


def _method(scores: Mapping[str, Any]) -> str:
    """Return the first of the methods that analogies were answered by."""
    return next(key for key, value in scores["analogy"].items() if isinstance(value, Mapping))


def embeddings(metrics: Mapping[str, Any]) -> str:
    """Return the table of word vectors: correlations and analogies with intervals, n and seeds.

    A sentence, where no item of any set can be scored.
    """
    found = _of_vectors(metrics)
    if isinstance(found, str):
        return found
    sizes = (f" ({size})" for size in found.sizes)
    return tables.markdown(
        [found.head[0], *map("".join, zip(found.head[1:], sizes, strict=True))], found.rows
    )


def _of_vectors(metrics: Mapping[str, Any]) -> Scored | str:
    first = next(iter(metrics.values()))
    sets = [(name, similarity(name)) for name in first if name != "analogy"]
    asked = [title for _, title in sets]
    asked += ["analogies"] if first["analogy"]["questions"] else []
    if not asked:
        return "Word vectors: there is no evaluation set to score them on."
    if not any(first[name]["n"] for name in first):
        return (
            "Word vectors: no item of these sets has all its words in the vocabulary: "
            f"{', '.join(asked)}."
        )
    sizes = [f"{first[key]['n']} of {first[key]['pairs']} pairs" for key, _ in sets]
    if "analogies" in asked:
        analogy = first["analogy"]
        sizes.append(f"{analogy['n']:,} of {analogy['questions']:,}")
    method = _method(first)
    rows = []
    for key, title in EMBEDDINGS.items():
        if key not in metrics:  # a run from before the model
            continue
        scores = metrics[key]
        cells = [_scored(scores[name], "spearman", _fraction) for name, _ in sets]
        if "analogies" in asked:
            cells.append(_scored(scores["analogy"][method], "total", _percent, " %"))
        seeds = scores["analogy"].get("seeds", 1)
        rows.append([f"{title}, {seeds} seeds" if seeds > 1 else title, *cells])
    return Scored(["word vectors", *asked], sizes, rows)


def language_models(metrics: Mapping[str, Any]) -> str:
    """Return the table of language models: test perplexity, its ratio to Kneser-Ney's, accuracy."""
    found = _of_networks(metrics)
    return tables.markdown(found.head, found.rows)


def _of_networks(metrics: Mapping[str, Any]) -> Scored:
    rows = []
    for key, title in LANGUAGE_MODELS.items():
        if key not in metrics:
            continue
        scores = metrics[key]
        perplexity = f"{_one(scores['perplexity'])} [{_one(scores['low'])}, {_one(scores['high'])}]"
        ratio = "1"
        if not key.startswith("kneser_ney"):
            ends = f"[{_two(scores['ratio_low'])}, {_two(scores['ratio_high'])}]"
            ratio = f"{_two(scores['ratio'])} {ends}"
        first, five = (
            f"{_percent(scores[top])} [{_percent(scores[f'{top}_low'])}, "
            f"{_percent(scores[f'{top}_high'])}] %"
            if scores[top] is not None
            else "–"
            for top in ("top_1", "top_5")
        )
        known = [_one(scores["perplexity_known"]), f"{_percent(scores['top_1_known'])} %"]
        unknown = f"{_percent(scores['unknown_share'])} % of {scores['symbols']:,}"
        bits = f"{scores['bits']:.2f}"
        rows.append([title, perplexity, ratio, bits, first, five, *known, unknown])
    heads = ["test perplexity", "ratio to Kneser-Ney", "bits per symbol", "top-1 accuracy"]
    heads += [
        "top-5 accuracy",
        "perplexity, in vocabulary",
        "top-1, in vocabulary",
        "out of vocabulary",
    ]
    return Scored(["language model", *heads], [""] * len(heads), rows)


def _one(value: float | None) -> str:
    return "∞" if value is None else f"{value:.1f}"


def _two(value: float | None) -> str:
    return "∞" if value is None else f"{value:.2f}"


def _scored(scores: Mapping[str, Any], key: str, text: Any, unit: str = "") -> str:
    """Return a score with its interval, a dash where it has no value."""
    if scores[key] is None:
        return "–"
    return f"{f'{text(scores[key])} {tables.interval(scores, text)}'.rstrip()}{unit}"


def _fraction(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}"
