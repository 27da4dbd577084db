"""Sentences on a sweep of recurrent models, each computed from its trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps.importance import Grid, differences

EQUAL = 1.1
"""Numbers of updates that differ by no more than this factor count as equal."""


def most_important(shares: pd.DataFrame) -> list[str]:
    """Return which settings matter most for each model, by their exact shares over a full grid."""
    if shares.empty:
        return []
    told = []
    for model, part in shares[shares["order"] == 1].groupby("model", sort=False):
        own = part[part["low"] > 0].sort_values("share", ascending=False)
        named = ", then ".join(
            f"{row['term']} ({row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}])"
            for row in own.to_dict("records")
        )
        told.append(f"for {model} {named or 'none beyond the noise'}")
    return [
        f"Settings that matter on their own, by their share of the variance of the validation "
        f"loss: {'; '.join(told)}."
    ]


def truncation_effects(
    table: pd.DataFrame, settings: Sequence[str], params: RecurrentSweepParams
) -> list[str]:
    """Return how bptt_length moves stability and the use of distant context, with intervals.

    The use of distant context: by how many nats a symbol is predicted worse when what precedes the
    last few symbols is replaced by other text, as in `contexts`.
    """
    said = []
    measures = {
        "clip_rate": "the share of updates that are clipped",
        "loss_variance": "the variance of the training loss around its trend, nats^2",
        "diverged": "the share of trainings that diverge",
    }
    if params.contexts:
        least = min(params.contexts)
        table = table.assign(gain=table[f"context_{least}_loss"] - table["context_loss"])
        measures["gain"] = (
            f"what the context before the last {least} symbols gains over other text in its place, "
            f"nats per symbol"
        )
    for model, part in table.groupby("model", sort=False):
        for score, words in measures.items():
            if score == "diverged" and not part[score].any():
                said.append(f"{model}: none of {len(part)} trainings diverged.")
                continue
            if not np.isfinite(part[score]).all():
                said.append(f"{model}: {words}: not measured in all trainings, so not compared.")
                continue
            effects = differences(Grid.of(part, settings, score), params.confidence)
            for row in effects[effects["setting"] == "bptt_length"].to_dict("records"):
                ends = f" [{row['low']:.2g}, {row['high']:.2g}]" if pd.notna(row["low"]) else ""
                size = f"{row['difference']:.2g}{ends}"
                said.append(
                    f"{model}: {words}: higher at bptt_length {row['highest']} than at "
                    f"{row['lowest']} by {size}."
                    if row["beyond_noise"]
                    else f"{model}: {words}: no difference between values of bptt_length exceeds "
                    f"the noise; the largest is {size}."
                )
    return said


def confounded(sentences: Sequence[str], table: pd.DataFrame) -> list[str]:
    """Return `sentences`, with what else differs added to those on bptt_length or batch_size.

    table: one row per training: the settings, updates, those of an epoch, and batch_size if it
    follows from bptt_length.
    """
    notes = {}
    for name in ("bptt_length", "batch_size"):
        if name not in table or table[name].nunique() < 2:
            continue
        means = table.groupby(name)[["updates", *{"batch_size"}.intersection(table)]].mean()
        if means["updates"].max() > EQUAL * means["updates"].min():
            notes[name] = f"a larger {name} makes fewer updates of the same text"
        elif name == "bptt_length" and "batch_size" in table and means["batch_size"].nunique() > 1:
            notes[name] = (
                "at equal numbers of updates: a longer bptt_length has a smaller batch_size"
            )
    said = []
    for sentence in sentences:
        own = [note for name, note in notes.items() if name in sentence]
        said.append(f"{sentence.removesuffix('.')} ({'; '.join(own)})." if own else sentence)
    return said


def diverged(table: pd.DataFrame) -> list[str]:
    """Return how many trainings of each model diverged, where any did."""
    return [
        f"{model}: {int(own.sum())} of {len(own)} trainings diverged; they count with the loss of "
        f"guessing blindly."
        for model, own in table.groupby("model", sort=False)["diverged"]
        if own.any()
    ]


def drawn_texts(
    table: pd.DataFrame, best: pd.DataFrame, real: pd.DataFrame, params: RecurrentSweepParams
) -> list[str]:
    """Return how text drawn from the best settings scores, beside real text and shuffled words.

    real: the yardsticks.
    """
    said = []
    scores = ["text_perplexity", "text_coherence"]
    means = real.groupby("text")[scores].mean().to_dict("index")
    for row in best.to_dict("records"):
        chosen = table["model"] == row["model"]
        for name in params.space:
            chosen &= (table[name] == row[name]) | (table[name].isna() & pd.isna(row[name]))
        own = table[chosen]
        if own["text_perplexity"].isna().any():
            continue
        parts = [
            f"{words} {interval(own[score], params.confidence, digits)} (held-out text "
            f"{means['held out'][score]:.{digits}f}, its words shuffled "
            f"{means['shuffled'][score]:.{digits}f})"
            for score, words, digits in (
                ("text_perplexity", "a perplexity under n-grams of", 0),
                ("text_coherence", "a coherence (NPMI) of", 2),
            )
            if all(pd.notna(means[text][score]) for text in ("held out", "shuffled"))
        ]
        said.append(f"{row['model']}: text drawn from the best settings has {' and '.join(parts)}.")
    return said


def interval(values: pd.Series, confidence: float, digits: int) -> str:
    """Return the mean of `values` and its interval by Student's t; fewer than three have none.

    Of values that are all above 0 it is the geometric mean, and the interval that of the logarithm.
    Two say too little of how they vary: t of one degree of freedom is 12.7 at 95 %.
    """
    positive, count = bool((values > 0).all()), len(values)
    scaled = np.log(values) if positive else values
    mean = float(scaled.mean())
    ends = [mean]
    if count > 2:
        quantile = float(special.stdtrit(count - 1, (1 + confidence) / 2))
        margin = quantile * float(scaled.std(ddof=1)) / np.sqrt(count)
        ends += [mean - margin, mean + margin]
    told = [f"{np.exp(end) if positive else end:.{digits}f}" for end in ends]
    return told[0] + (f" [{told[1]}, {told[2]}]" if count > 2 else "")


def reached(table: pd.DataFrame, params: RecurrentSweepParams) -> list[str]:
    """Return how many trainings of each model reach the target loss, and which is the first."""
    said = []
    for model, part in table.groupby("model", sort=False):
        steps = part["steps_to_target"]
        start = (
            f"{model}: {steps.notna().sum()} of {len(part)} trainings reach a loss of "
            f"{params.target_loss:g} on the text that chooses their epoch"
        )
        if not steps.notna().any():
            said.append(f"{start}.")
            continue
        rows = part[steps.notna()].to_dict("records")
        first = min(rows, key=lambda row: float(row["steps_to_target"]))
        chosen = ", ".join(f"{name} {first[name]}" for name in params.space)
        said.append(
            f"{start}; the first does so after {first['steps_to_target']:.0f} updates, or "
            f"{first['tokens_to_target']:,.0f} tokens, with {chosen}."
        )
    return said
