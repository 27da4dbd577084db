"""Sentences on a sweep of recurrent models, each computed from its trials."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special

from wordlab import names
from wordlab.analysis.summary import terms
from wordlab.analysis.variance import Grid, differences
from wordlab.params.sweeps import RecurrentSweepParams

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
            f"{terms(row['term'])} ({row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}])"
            for row in own.to_dict("records")
        )
        told.append(f"for {names.model(str(model))} {named or 'none beyond the noise'}")
    return [
        f"Settings that matter on their own, by their share of the variance of the validation "
        f"loss: {'; '.join(told)}."
    ]


def against_baselines(beaten: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return how many trainings of each model beat n-gram models; beaten: as `baselines` has it."""
    return [
        f"{names.model(model)}: of {own['trainings']} trainings, {own['beat_unigram']} predict "
        f"the scored text better than a unigram model of the text they learn from, and "
        f"{own['beat_kneser_ney']} better than its Kneser-Ney n-grams."
        for model, own in beaten.items()
    ]


def too_little_trained(models: Sequence[str]) -> list[str]:
    """Return that no length of truncation and no use of context is compared for `models`."""
    return [
        f"{names.model(model)}: these networks are too little trained to tell what the BPTT "
        f"length does, or what the context gains: they do not beat the unigram model beyond "
        f"the noise."
        for model in models
    ]


def truncation_effects(
    table: pd.DataFrame,
    settings: Sequence[str],
    params: RecurrentSweepParams,
    notes: Mapping[str, str],
) -> list[str]:
    """Return how bptt_length moves stability and the use of distant context, with intervals.

    The use of distant context: by how many nats per symbol the loss is higher when what precedes
    the last few symbols is replaced by other text, as in `contexts`. notes: as `confounds` returns
    them.
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
    note = notes.get("bptt_length")
    for name, part in table.groupby("model", sort=False):
        model = names.model(str(name))
        for score, words in measures.items():
            if score == "diverged" and not part[score].any():
                said.append(f"{model}: none of {len(part)} trainings diverged.")
                continue
            if not np.isfinite(part[score]).all():
                said.append(f"{model}: {words}: not measured in all trainings, so not compared.")
                continue
            grid = Grid.of(part, settings, score)
            if not grid.noise_known:
                said.append(f"{model}: {words}: the noise is unknown, so lengths are not compared.")
                continue
            effects = differences(grid, params.confidence)
            for row in effects[effects["setting"] == "bptt_length"].to_dict("records"):
                size = f"{row['difference']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"
                verdict = (
                    f"higher at BPTT length {row['highest']} than at {row['lowest']} by {size}"
                    if row["beyond_noise"]
                    else f"no difference between BPTT lengths exceeds the noise; the largest is "
                    f"{size}"
                )
                said.append(f"{model}: {words}: {verdict}{f' ({note})' if note else ''}.")
    return said


def confounds(table: pd.DataFrame) -> dict[str, str]:
    """Return what else differs between the values of bptt_length or batch_size, by setting.

    table: one row per training: the settings, updates, those of an epoch, and batch_size if it
    follows from bptt_length.
    """
    notes = {}
    for name in ("bptt_length", "batch_size"):
        if name not in table or table[name].nunique() < 2:
            continue
        means = table.groupby(name)[["updates", *{"batch_size"}.intersection(table)]].mean()
        if means["updates"].max() > EQUAL * means["updates"].min():
            notes[name] = f"a larger {names.plain(name)} makes fewer updates of the same text"
        elif name == "bptt_length" and "batch_size" in table and means["batch_size"].nunique() > 1:
            notes[name] = (
                "at equal numbers of updates: a longer BPTT length has a smaller batch size"
            )
    return notes


def diverged(table: pd.DataFrame) -> list[str]:
    """Return how many trainings of each model diverged, where any did."""
    return [
        f"{names.model(str(model))}: {int(own.sum())} of {len(own)} trainings diverged; "
        f"they count with the loss of guessing blindly."
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
        said += [
            f"{names.model(str(row['model']))}: text drawn from the best settings has {words} "
            f"{interval(own[score], params.confidence, digits)}; held-out text has "
            f"{means['held out'][score]:.{digits}f}, its words shuffled "
            f"{means['shuffled'][score]:.{digits}f}."
            for score, words, digits in (
                ("text_perplexity", "a perplexity under n-grams of", 0),
                ("text_coherence", "a coherence (NPMI) of", 2),
            )
            if all(pd.notna(means[text][score]) for text in ("held out", "shuffled"))
        ]
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
        subject = names.model(str(model))
        said.append(
            f"{subject}: {steps.notna().sum()} of {len(part)} trainings reach a loss of "
            f"{params.target_loss:g} on the text that chooses their epoch."
        )
        if not steps.notna().any():
            continue
        rows = part[steps.notna()].to_dict("records")
        first = min(rows, key=lambda row: float(row["steps_to_target"]))
        chosen = names.chosen({name: first[name] for name in params.space})
        said.append(
            f"{subject}: the first to reach it takes {first['steps_to_target']:.0f} updates, "
            f"{first['tokens_to_target']:,.0f} tokens, with {chosen}."
        )
    return said
