"""What the comparison of word vectors found: which agree best with people."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.params.sets import TASKS
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, fraction, number, percent, ranged

OPEN = "not decided by this text"
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
    if not scores["total"].any():
        return ["Nothing can be scored, as there is no evaluation set."]
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
        parts.append(f"{names.model(str(better))} over {'; over '.join(worse)}")
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
    of them in the vocabulary, or words chosen from the text where these are fewer than half.
    """
    if not named:
        return [f"{title}, chosen from the text: {', '.join(shown)}."]
    if not {word.lower() for word in shown} <= {word.lower() for word in named}:
        return [
            f"{title}: fewer than half of the {len(named)} named are in the vocabulary; chosen "
            f"from the text instead: {', '.join(shown)}."
        ]
    absent = [word for word in named if not {word, word.lower()} & set(shown)]
    if absent:
        return [
            f"{title}: {len(absent)} of the {len(named)} named "
            f"{'is' if len(absent) == 1 else 'are'} not in the vocabulary and left out: "
            f"{', '.join(absent)}."
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


def ranked(
    scores: pd.DataFrame, differences: pd.DataFrame, task: str
) -> tuple[dict[Any, Any], list[str], list[str]]:
    """Return the best model's row of a task, the models it is above, and those left undecided.

    Raises Unmeasured if no model has a score of it.
    """
    own = scores[(scores["task"] == task) & scores["score"].notna()]
    if own.empty:
        raise Unmeasured(f"{task}: no score")
    best = most(own, "score")
    rows = differences[(differences["task"] == task) & (differences["first"] == best["model"])]
    distinct = rows["distinct"].astype(bool)
    return best, [*rows.loc[distinct, "second"]], [*rows.loc[~distinct, "second"]]


def most(table: pd.DataFrame, column: str, sign: int = 1) -> dict[Any, Any]:
    """Return the row of the largest value of a column, of the smallest if `sign` is -1."""
    return table.to_dict("records")[int((sign * table[column]).argmax())]


def models_named(found: Iterable[str], word: str = "and") -> str:
    return names.listed(map(names.model, found), word)


def written(task: str) -> Callable[[float], str]:
    return percent if task.startswith("analogy") else fraction


def tasks_scored(scores: pd.DataFrame) -> list[str]:
    """Return the tasks that something can be scored at, of analogies the first."""
    found = map(str, scores.loc[scores["score"].notna(), "task"].unique())
    return [*{task.split()[0]: task for task in reversed([*found])}.values()][::-1]


def scored_as(row: Mapping[Any, Any], task: str) -> str:
    """Return a score at a task with its interval."""
    return ranged(row["score"], row["low"], row["high"], written(task))


def by_task(scores: pd.DataFrame, metrics: Mapping[str, Any]) -> Table:
    """Return the scores of each model, a row per set, by task; of analogies a row per kind as well.

    scores: the table of `evaluation.comparison.compare`; metrics: those of `Scores.metrics`, by
    model.
    """
    models = [str(model) for model in scores["model"].unique()]
    cells: dict[Any, Any] = scores.set_index(["model", "task"]).to_dict("index")
    rows = []
    for task in sorted(tasks_scored(scores), key=lambda task: TASKS.index(names.kind(task))):
        own = [cells[model, task] for model in models]
        kind, _, method = task.partition(" ")
        name = names.task(task) if method else f"{names.kind(task)}: {names.task(task)}"
        items = f"{number(own[0]['n'])} of {number(own[0]['total'])}"
        rows.append([name, items, *(scored_as(row, task) for row in own)])
        for part in ("semantic", "syntactic") if method else ():
            shares = [metrics[model][kind][method][part] for model in models]
            if None not in shares:
                rows.append([f"{part} ones", "", *map(percent, shares)])
    return Table("Score, and its interval", ["items", *map(names.model, models)], rows)


def verdict_on(above: Sequence[str], unclear: Sequence[str]) -> str:
    """Return which models one is above and which not, as the end of a sentence about it."""
    if not unclear:
        return "above every other model"
    rest = f"whether it is above {models_named(unclear, 'or')} is {OPEN}"
    return f"above {models_named(above)}; {rest}" if above else f"but {rest}"


@answer("word-vectors")
def _word_vectors(results: Results) -> Answer:
    """Return which model comes closest to people."""
    scores, differences = (results.table("embeddings", name) for name in ("scores", "differences"))
    return closest(scores, differences, results.metrics["embeddings"])


def closest(scores: pd.DataFrame, differences: pd.DataFrame, metrics: Mapping[str, Any]) -> Answer:
    """Decided if the best model of the first task is above any other.

    scores, differences: the tables of `evaluation.comparison.compare`; metrics: as in `by_task`.
    """
    tasks = tasks_scored(scores)
    if not tasks:
        raise Unmeasured("no task can be scored")
    best, above, unclear = ranked(scores, differences, tasks[0])
    value, name = written(tasks[0])(best["score"]), names.task(tasks[0])
    text = (
        f"{names.model(best['model'])} answers most {name}, {value}"
        if names.kind(tasks[0]) == "analogies"
        else f"{names.model(best['model'])} agrees best with people on {name}, at a rank "
        f"correlation of {value}"
    )
    text += f", {verdict_on(above, unclear)}."
    return Answer(text, bool(above), by_task(scores, metrics))
