"""What the study of the text's size says in words."""

from collections.abc import Iterator, Sequence

import pandas as pd

from wordlab import names
from wordlab.evaluation import statistics


def findings(
    common: pd.DataFrame, own: pd.DataFrame, growth: pd.DataFrame, sets: Sequence[str]
) -> list[str]:
    """Return which scores change from the least text to all of it, and what the numbers leave out.

    common, own, growth: the tables of `sizes.SizeStudy`, common being `scores`; sets: the tasks
    that are sets of word pairs.
    """
    if own["score"].isna().all():
        return ["No set can be scored at every size of the text."]
    if growth.empty:
        return []
    least = common["held"].min()
    sentences = [
        " ".join(_task_sentences(names.task(str(task)), part, own[own["task"] == task], least))
        for task, part in growth.groupby("task", sort=False)
    ]
    if not growth[growth["task"].isin(sets)]["distinct"].any():
        sentences.append("No set of word pairs shows that more text changes any model's score.")
    return [
        *sentences,
        "The intervals of changes hold together for all models and tasks; those of single scores "
        "each hold alone.",
        "Intervals draw words and word pairs, but neither documents nor seeds: each size is one "
        "draw of documents and one training.",
        "Over the items known at each size, compare models, not sizes: a larger text brings in "
        "rarer words.",
    ]


def _task_sentences(
    name: str, growth: pd.DataFrame, own: pd.DataFrame, least: float
) -> Iterator[str]:
    """Yield how many items one task has, which models change at it, and what would show.

    least: the share of the text that the smallest part holds.
    """
    n, whole = int(growth["n"].iloc[0]), int(own.loc[own["share"] == 1, "n"].iloc[0])
    yield f"{name}: {n:,} items are known at every size, {whole:,} in the whole text."
    if n < statistics.FEWEST:
        yield "These are too few to show a change."
        return
    part = f"From {percent(least)} of the text to all of it"
    for row in growth[growth["distinct"]].to_dict("records"):
        yield (
            f"{part}, {names.model(row['model'])} changes by {row['difference']:+.3f} "
            f"[{row['low']:+.3f}, {row['high']:+.3f}]."
        )
    level = growth[~growth["distinct"]]
    if len(level):
        models = names.listed([names.model(model) for model in level["model"]])
        margin = float((level["high"] - level["difference"]).max())
        yield f"{part}, no change is shown for {models}; one of {margin:.2f} or more would show."


def percent(share: float) -> str:
    """Return a share in percent, .3 as 30 %."""
    return f"{100 * share:.3g} %"


def left_out(reason: str, shares: Sequence[float]) -> list[str]:
    """Return the sentence that names the shares of the text that are left out, if any."""
    if not shares:
        return []
    parts = names.listed([percent(share) for share in shares])
    return [f"Left out, because {reason}: {parts} of the text."]
