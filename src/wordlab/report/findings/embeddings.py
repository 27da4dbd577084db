"""Findings of the comparison of word vectors, in sentences."""

from collections.abc import Iterator, Sequence

import pandas as pd

from wordlab import names
from wordlab.report.findings.registry import of_stage
from wordlab.report.results import Results

UNRELATED = "unrelated"
"""The relation of pairs drawn at random."""


@of_stage("compare_embeddings")
def _compared(results: Results) -> list[str]:
    scores, differences, neighbours, contrasts, relations = (
        results.table("embeddings", name)
        for name in ("scores", "differences", "neighbours", "contrasts", "relations")
    )
    shown = neighbours["word"].unique().tolist()
    return [
        *comparison(scores, differences),
        *words_shown("Words looked up", results.params.comparison.words, shown),
        *related(contrasts, relations),
    ]


def comparison(scores: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """Return which model leads each task, and which are to be preferred to which.

    scores, differences: the tables of `evaluation.comparison.compare`.
    """
    if not scores["n"].any():
        asked = names.listed([names.task(task) for task in scores["task"].unique()])
        return [f"Nothing can be scored, as no item's words are all in the vocabulary: {asked}."]
    leads = [
        lead(str(task), own, differences[differences["task"] == task])
        for task, own in scores.groupby("task", sort=False)
    ]
    return [*leads, verdict(scores, differences)]


def lead(task: str, scores: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Return which model leads a task, which others it is shown to exceed, and by how much.

    scores, differences: those of the task.
    """
    name, known = names.task(task), scores[scores["score"].notna()]
    n, total = scores[["n", "total"]].iloc[0]
    if n == 0 or known.empty:
        return f"{name}: none of its {total:,} items can be scored."
    best = known.to_dict("records")[int(known["score"].argmax())]
    parts = [
        f"{name}, over {n:,} of {total:,} items: {names.model(best['model'])} has the "
        f"highest score, {best['score']:.3f}."
    ]
    own = differences[differences["first"] == best["model"]]
    parts += [
        f"It is above {names.model(row['second'])} by {row['difference']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}]."
        for row in own[own["distinct"]].to_dict("records")
    ]
    unclear = [names.model(other) for other in own.loc[~own["distinct"], "second"]]
    if unclear:
        parts.append(f"It is not shown to be above {names.listed(unclear)}.")
    return " ".join(parts)


def verdict(scores: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Return which models are better than which others at what, as far as the intervals show."""
    if differences["difference"].isna().all():
        return "Nothing could be scored, so no model is to be preferred."
    parts = []
    for better, own in differences[differences["distinct"]].groupby("first", sort=False):
        worse = [
            f"{names.model(str(other))} at {names.listed([names.task(task) for task in tasks])}"
            for other, tasks in own.groupby("second")["task"]
        ]
        parts.append(f"{names.model(str(better))} over {'; '.join(worse)}")
    return (
        f"To be preferred on this text: {'. '.join(parts) or 'none over any other'}. The intervals "
        "show no other difference. They hold together for all pairs of models and all tasks, and "
        f"draw {_resampled(scores)}."
    )


def _resampled(scores: pd.DataFrame) -> str:
    """Return what the intervals draw: items, and the seeds of models trained more than once."""
    seeds = scores.groupby("model", sort=False)["seeds"].first()
    once = [names.model(str(model)) for model in seeds.index[seeds == 1]]
    if len(once) == len(seeds):
        return "words and questions, not the seed: each model is trained once"
    several = " or ".join(str(count) for count in sorted(set(seeds[seeds > 1])))
    text = f"words, questions and seeds ({several} trainings per model)"
    return f"{text}, but no seed of {names.listed(once)}, trained once" if once else text


def words_shown(title: str, named: Sequence[str] | None, shown: Sequence[str]) -> list[str]:
    """Return what a reader must know of the words that a figure shows, if anything.

    title: the beginning of the sentence; named: the words that params.yaml asks for; shown: those
    of them in the vocabulary, or words chosen from the text where there are none.
    """
    absent = [word for word in named or () if word not in shown]
    if not named:
        return [f"{title}, chosen from the text: {', '.join(shown)}."]
    if len(absent) == len(named):
        return [
            f"{title}: 0 of the {len(named)} named are in the vocabulary; chosen from the text "
            f"instead: {', '.join(shown)}."
        ]
    if absent:
        return [
            f"{title}: {len(absent)} of the {len(named)} named are not in the vocabulary and left "
            f"out: {', '.join(absent)}."
        ]
    return []


def related(contrasts: pd.DataFrame, relations: pd.DataFrame) -> list[str]:
    """Return whether antonyms are as near as synonyms, and which relations each model separates.

    contrasts, relations: the tables of `evaluation.relations.study`; contrasts without a value are
    passed over, and relations without a known pair are named.
    """
    known = contrasts[contrasts["auc"].notna()]
    if known.empty:
        return ["Relations: no two of them have pairs whose words all models know."]
    sentences = [" ".join(_antonyms(known))]
    for model, own in known.groupby("model", sort=False):
        chance = own["second"] == UNRELATED
        sentences += [
            f"{names.model(str(model))} distinguishes {int(part['distinct'].sum())} of {len(part)} "
            f"{what}."
            for part, what in (
                (own[chance], "relations from unrelated pairs"),
                (own[~chance], "pairs of relations from each other"),
            )
            if len(part)
        ]
    sentences.append(f"The intervals hold together for all {len(known)} contrasts.")
    unknown = relations.loc[relations["n"] == 0, "relation"].unique().tolist()
    if unknown:
        sentences.append(
            f"Relations left out, because all models know no pair of them: {names.listed(unknown)}."
        )
    return [sentence for sentence in sentences if sentence]


def _antonyms(known: pd.DataFrame) -> Iterator[str]:
    """Yield for each model whether synonyms or antonyms are nearer, as far as that is shown."""
    asked = known[(known["first"] == "synonyms") & (known["second"] == "antonyms")]
    if len(asked):
        yield (
            "Are antonyms as near as synonyms? Each number says how often a pair of synonyms has "
            "the higher cosine."
        )
    for row in asked.to_dict("records"):
        found = "no difference is shown"
        if row["distinct"]:
            found = f"{'synonyms' if row['auc'] > 0.5 else 'antonyms'} are nearer"
        yield (
            f"{names.model(row['model'])}: {found}, {row['auc']:.2f} "
            f"[{row['low']:.2f}, {row['high']:.2f}]."
        )
