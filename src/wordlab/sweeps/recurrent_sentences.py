"""Sentences on a sweep of recurrent models, each computed from its trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps.importance import Grid, differences


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

    The use of distant context: by how many nats a symbol is predicted worse when only the last few
    symbols are known.
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
        measures["gain"] = f"what the context beyond the last {least} symbols gains, nats a symbol"
    for model, part in table.groupby("model", sort=False):
        for score, words in measures.items():
            if score == "diverged" and not part[score].any():
                said.append(f"{model}: none of {len(part)} trainings diverged.")
                continue
            if not np.isfinite(part[score]).all():
                said.append(f"{model}: {words}: not known of all trainings; nothing is told.")
                continue
            effects = differences(Grid.of(part, settings, score), params.confidence)
            for row in effects[effects["setting"] == "bptt_length"].to_dict("records"):
                ends = f" [{row['low']:.2g}, {row['high']:.2g}]" if pd.notna(row["low"]) else ""
                size = f"{row['difference']:.2g}{ends}"
                said.append(
                    f"{model}: {words}: higher at bptt_length {row['highest']} than at "
                    f"{row['lowest']} by {size}."
                    if row["beyond_noise"]
                    else f"{model}: {words}: no difference by bptt_length beyond the noise; the "
                    f"largest is {size}."
                )
    return said


def caveats(table: pd.DataFrame) -> list[str]:
    """Return what the trials of a sweep differ in besides the settings, and how many diverged."""
    said = []
    settings = [name for name in ("bptt_length", "batch_size") if name in table]
    for name in settings:
        updates = table.groupby(name)["updates"].mean()
        if len(updates) > 1:
            counts = ", ".join(f"{mean:.0f} at {value}" for value, mean in updates.items())
            said.append(
                f"All trials read the same text, so {name} changes how many updates an epoch "
                f"makes ({counts}): its effect includes that of fewer or more updates."
            )
    for model, diverged in table.groupby("model", sort=False)["diverged"]:
        if diverged.any():
            said.append(
                f"{model}: {int(diverged.sum())} of {len(diverged)} trainings diverged; they count "
                f"with the loss of guessing blindly."
            )
    return said


def drawn_texts(
    table: pd.DataFrame, best: pd.DataFrame, real: pd.DataFrame, params: RecurrentSweepParams
) -> list[str]:
    """Return what text drawn from the best settings is worth, beside real text and shuffled words.

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
    """Return the mean of `values` and its interval by Student's t; a single one has none.

    Of values that are all above 0 it is the geometric mean, and the interval that of the logarithm.
    """
    positive, count = bool((values > 0).all()), len(values)
    scaled = np.log(values) if positive else values
    mean = float(scaled.mean())
    ends = [mean]
    if count > 1:
        quantile = float(special.stdtrit(count - 1, (1 + confidence) / 2))
        margin = quantile * float(scaled.std(ddof=1)) / np.sqrt(count)
        ends += [mean - margin, mean + margin]
    told = [f"{np.exp(end) if positive else end:.{digits}f}" for end in ends]
    return told[0] + (f" [{told[1]}, {told[2]}]" if count > 1 else "")


def reached(table: pd.DataFrame, params: RecurrentSweepParams) -> list[str]:
    """Return how many trainings of each model reach the target loss, and which do so first."""
    said = []
    for model, part in table.groupby("model", sort=False):
        steps = part["steps_to_target"]
        start = f"{model}: {steps.notna().sum()} of {len(part)} trainings reach a held-out loss of "
        if not steps.notna().any():
            said.append(f"{start}{params.target_loss:g}.")
            continue
        rows = part[steps.notna()].to_dict("records")
        first = min(rows, key=lambda row: float(row["steps_to_target"]))
        chosen = ", ".join(f"{name} {first[name]}" for name in params.space)
        said.append(
            f"{start}{params.target_loss:g}; the fewest updates are "
            f"{first['steps_to_target']:.0f}, or {first['tokens_to_target']:,.0f} tokens, with "
            f"{chosen}."
        )
    return said
