"""When to prefer which model of word vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from wordlab import names
from wordlab.report.findings.embeddings import (
    OPEN,
    UNRELATED,
    models_named,
    most,
    ranked,
    tasks_scored,
    written,
)
from wordlab.report.results import Answer, Results, Unmeasured, answer
from wordlab.report.tables import Table, fraction, number


@answer("comparison")
def _preference(results: Results) -> Answer:
    """Return when to prefer which model of word vectors."""
    scores, differences, contrasts, frequency = (
        results.table("embeddings", name)
        for name in ("scores", "differences", "contrasts", "frequency")
    )
    purposes = [
        *at_tasks(scores, differences),
        *at_relations(contrasts),
        *on_rare_words(frequency),
        *in_memory(results),
    ]
    found = prefer(purposes, rests_on(scores, results))
    return replace(found, more=(*nearer(contrasts), *found.more))


def nearer(contrasts: pd.DataFrame) -> list[str]:
    """Return in which models synonyms or antonyms are nearer, a sentence if any model knows both.

    contrasts: that table of `evaluation.relations.study`.
    """
    asked = contrasts[(contrasts["first"] == "synonyms") & (contrasts["second"] == "antonyms")]
    asked = asked[asked["auc"].notna()]
    if asked.empty:
        return []
    sure = asked["distinct"].astype(bool)
    groups = {
        "antonyms are nearer than synonyms": asked[sure & (asked["auc"] < 0.5)],
        "synonyms are nearer than antonyms": asked[sure & (asked["auc"] > 0.5)],
    }
    parts = [f"{what} in {models_named(own['model'])}" for what, own in groups.items() if len(own)]
    if not sure.all():
        unclear = models_named(asked.loc[~sure, "model"])
        parts.append(f"{'which' if parts else 'whether synonyms or antonyms'} are nearer in "
                     f"{unclear} is {OPEN}")  # fmt: skip
    sentence = "; ".join(parts)
    return [f"{sentence[0].upper()}{sentence[1:]}."]


@dataclass(frozen=True)
class Purpose:
    """What for, the best model and its number, the models it is above, those that may be as good,
    and those that are."""

    what: str
    best: str
    value: str
    above: Sequence[str] = ()
    unclear: Sequence[str] = ()
    tied: Sequence[str] = ()


def at_tasks(scores: pd.DataFrame, differences: pd.DataFrame) -> list[Purpose]:
    """Return the best model at each task, above another where the interval leaves out 0."""
    found = []
    for task in tasks_scored(scores):
        best, above, unclear = ranked(scores, differences, task)
        value = written(task)(best["score"])
        found.append(Purpose(names.task(task), best["model"], value, above, unclear))
    return found


def at_relations(contrasts: pd.DataFrame) -> list[Purpose]:
    """Return the model whose cosine distinguishes most relations; nothing compares the counts."""
    own = contrasts[(contrasts["second"] == UNRELATED) & contrasts["auc"].notna()]
    if not own["distinct"].any():
        return []
    counts = own.groupby("model", sort=False)["distinct"].agg(["sum", "size"])
    most_of = counts["sum"] == counts["sum"].max()
    best, *tied = map(str, counts.index[most_of])
    others = [*map(str, counts.index[~most_of])]
    share = f"{int(counts['sum'].max())} of {int(counts['size'].iloc[0])}"
    return [Purpose("relations, from unrelated pairs", best, share, (), others, tied)]


def on_rare_words(frequency: pd.DataFrame) -> list[Purpose]:
    """Return the model best on the pairs with the rarest words, above whose interval is below."""
    rare = frequency[frequency["band"].isin(frequency["band"].head(1)) & frequency["score"].notna()]
    if rare.empty:
        return []
    rare = rare[rare["task"] == rare["task"].iloc[0]]
    best = most(rare, "score")
    others, below = rare[rare["model"] != best["model"]], rare["high"] < best["low"]
    above, unclear = (list(others.loc[found, "model"]) for found in (below, ~below))
    what = f"rare words ({names.task(best['task'])})"
    return [Purpose(what, best["model"], fraction(best["score"]), above, unclear)]


def in_memory(results: Results) -> list[Purpose]:
    """Return what needs least memory: dense float32 vectors, or the cells of PPMI."""
    cells = results.metrics.get("ppmi", {}).get("cells")
    words = results.metrics.get("vocabulary", {}).get("words")
    if not cells or not words:
        return []
    word2vec, params = results.params.word2vec, results.params
    sizes = {
        "skipgram": 4 * words * word2vec.skipgram.dimensions,
        "cbow": 4 * words * word2vec.cbow.dimensions,
        "subword": 4 * (words + word2vec.subword.buckets) * word2vec.subword.dimensions,
        "glove": 4 * words * params.glove.dimensions,
        "ppmi_svd": 4 * words * params.ppmi.dimensions,
        "ppmi": 8 * cells,  # a float32 and its column
    }
    least = min(sizes, key=lambda model: sizes[model])
    alike = [model for model in sizes if model != least and sizes[model] == sizes[least]]
    return [Purpose("memory", least, f"{number(sizes[least] / 1e6, 2)} MB", tied=alike)]


def prefer(purposes: Sequence[Purpose], rests: str) -> Answer:
    """Decided if at any purpose one model is above another; `rests` says on what all rests."""
    if not purposes:
        raise Unmeasured("nothing to prefer a model for")
    clear: dict[tuple[str, str], list[str]] = {}
    for one in purposes:
        if one.above:
            clear.setdefault((one.best, models_named(one.above)), []).append(one.what)
    parts = [
        f"{names.model(model)} to {others} for {names.listed(what)}"
        for (model, others), what in clear.items()
    ]
    text = (
        f"Prefer {'; '.join(parts)}. Which model is best at anything else is {OPEN}."
        if parts
        else f"No model is ahead of another at anything: which to prefer is {OPEN}."
    )
    rows = [
        [
            one.what, models_named([one.best, *one.tied]), one.value,
            models_named(one.unclear) or "none",
        ]
        for one in purposes
    ]  # fmt: skip
    head = ["best", "at", "may be as good"]
    return Answer(text, bool(parts), Table("When to prefer which", head, rows), (rests,))


def rests_on(scores: pd.DataFrame, results: Results) -> str:
    """Return on what the comparison of word vectors rests."""
    tokens = results.metrics.get("preprocess", {}).get("train", {}).get("tokens")
    seeds = int(scores["seeds"].max())
    return (
        f"This rests on one text of {number(tokens)} words, at most {seeds} "
        f"training{'s' * (seeds > 1)} per model and {int(scores['n'].max()):,} questions per task; "
        "how long each training took is with its MLflow run."
    )
