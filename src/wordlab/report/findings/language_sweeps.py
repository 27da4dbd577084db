"""What the sweep of recurrent language models found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.report.findings.sweeps import (
    Tables,
    by_share,
    compared,
    difference,
    matters,
    of_scores,
    read,
    rows,
    sensitivity,
    share,
    terms,
    value,
)
from wordlab.report.results import Answer, Results, answer, of_stage

NO_LIMITS: Mapping[str, Any] = MappingProxyType({})
EQUAL = 1.1
"""Numbers of updates that differ by no more than this factor count as equal."""


@of_stage("analyse_sweep@recurrent")
def of_recurrent(results: Results) -> list[str]:
    """Return what the sweep of language models found."""
    params, base = results.params.sweep_recurrent, results.params.language_model
    train = results.metrics.get("preprocess", {}).get("train", {})
    symbols = train.get("tokens", 0) + train.get("sentences", 0)
    limits = {
        str(cell): limit
        for cell in params.cells
        if (limit := params.fixed.get("tokens", getattr(base, cell).tokens)) and limit < symbols
    }
    return of_language_models(read(results, "recurrent"), params, limits)


def of_language_models(
    tables: Tables, params: RecurrentSweepParams, limits: Mapping[str, Any] = NO_LIMITS
) -> list[str]:
    """Return what a sweep of language models found, the winners' test scores first.

    limits: tokens and sentence ends of the training split that the winner of a cell reads, if fewer
    than all.

    Lengths of truncation, and what the context gains, are compared only for models that learn
    enough: their trainings beat the unigram model beyond the noise.
    """
    trials, settings = tables["trials"], list(params.space)
    pruned, grid = "budget" in trials, params.search == "grid"
    first = trials[trials["budget"] == trials["budget"].min()] if pruned else trials
    full = trials[trials["budget"] == 1] if pruned else trials
    notes, beaten = confounds(first), tables["beaten"]
    little = unlearnt(beaten) if grid else []
    sentences = winners(tables["winners"], settings, limits)
    sentences += pruning(trials, settings) if pruned else []
    sentences += against_baselines(beaten) + too_little_trained(little)
    sentences += most_important(tables["importances"]) if "importances" in tables else []
    if "truncation" in tables:
        enough = first[~first["model"].isin(little)]
        sentences += truncation_effects(enough, tables["truncation"], params, notes)
    silent = [(model, "bptt_length") for model in little]
    sentences += of_scores(full, tables, settings, ["valid_loss"], notes=notes, silent=silent)
    for model, part in tables["sensitivity"].groupby("model", sort=False):
        sentences += sensitivity(str(model), "valid_loss", part)
    sentences += drawn_texts(tables["drawn_texts"], tables["yardsticks"])
    return sentences + reached(full, params) + diverged(first)


@answer("recurrent-settings")
def _recurrent_settings(results: Results) -> Answer:
    """Return which settings of recurrent networks matter."""
    params = results.params.sweep_recurrent
    differences, little, beaten = compared(results, "recurrent"), list[str](), pd.DataFrame()
    if params.search == "grid" and results.has("analysis_recurrent", "beaten"):
        beaten = results.table("analysis_recurrent", "beaten")
        little = unlearnt(beaten)
    found = matters(differences, "valid_loss", [(model, "bptt_length") for model in little])
    scored = (
        "All trainings are scored on the same validation split, without cross-validation."
        if params.folds == 1
        else f"Trainings are scored by cross-validation, over {params.folds} folds."
    )
    counts = names.listed(
        [
            f"{row['beat_unigram']} of {row['trainings']} with {names.model(row['model'])}"
            for row in rows(beaten)
            if row["model"] in little
        ]
    )
    unclear = (
        "BPTT lengths are not compared: not every combination of settings beats the unigram model "
        f"beyond the noise. Of single trainings, {counts} do better than it."
    )
    return replace(found, more=[unclear, scored] if little else [scored])


def winners(
    table: pd.DataFrame, settings: Sequence[str], limits: Mapping[str, Any] = NO_LIMITS
) -> list[str]:
    """Return what the winners reach on the test split; table: as `sweeps.language.tested` has it.

    limits: as `of_language_models` takes them.

    Where a training diverged there is no verdict on its settings.
    """
    sentences: list[str] = []
    for name, part in table.groupby("model", sort=False):
        model = names.model(str(name))
        by_seed = part.astype({"seed": str}).set_index("seed").to_dict("index")
        mean = by_seed.pop("mean")
        chosen = names.chosen({setting: value(mean[setting]) for setting in settings})
        epochs = "one epoch" if mean["epochs"] == 1 else f"at most {mean['epochs']:.0f} epochs"
        text = "the whole training split"
        if limit := mean.get("tokens", limits.get(str(name))):
            epochs, text = "one epoch", f"the first {limit:,.0f} symbols of the training split"
        start = f"{model}: the best settings ({chosen}), trained for {epochs} on {text}"
        count = len(by_seed)
        left = count - round(mean["diverged"])
        if left < count:
            sentences.append(f"{start}: {count - left} of {count} new seeds diverged.")
        if not left:
            continue
        seeds, reach = (f"{left} new seeds", "reach") if left > 1 else ("1 new seed", "reaches")
        if left < count:
            sentences.append(
                f"{model}: the {seeds} that did not diverge {reach} a perplexity of "
                f"{mean['test_perplexity']:.1f} on the test split, which gives no verdict on these "
                f"settings."
            )
            continue
        sentences += [
            f"{start} from {seeds}, reach a perplexity of {mean['test_perplexity']:.1f} "
            f"[{mean['low']:.1f}, {mean['high']:.1f}] on the test split, which chose nothing.",
            f"{model}: {mean['unknown_share']:.0%} of the symbols of the test split are unknown "
            f"words; on the others the perplexity is {mean['perplexity_known']:.1f}.",
            f"{model}: {mean['ratio']:.2f} [{mean['ratio_low']:.2f}, {mean['ratio_high']:.2f}] "
            f"times the perplexity of Kneser-Ney n-grams of the same text, "
            f"{mean['ngram_perplexity']:.1f}: {_verdict(mean['ratio_low'], mean['ratio_high'])}.",
        ]
    return sentences


def _verdict(low: float, high: float) -> str:
    """Return what the interval of a ratio of perplexities says of a network beside n-grams."""
    if high < 1:
        return "the network predicts better"
    return "the n-grams predict better" if low > 1 else "the interval includes no difference"


def pruning(trials: pd.DataFrame, settings: Sequence[str]) -> list[str]:
    """Return how many combinations were pruned where, what that spared, and which trainings count.

    trials: one row per training: model, settings, budget (share of the whole).
    """
    sentences = []
    for model, part in trials.groupby("model", sort=False):
        rungs = part.drop_duplicates([*settings, "budget"])
        last = rungs.groupby(list(settings), dropna=False, sort=False)["budget"].max()
        dropped = last[last < 1].value_counts().sort_index()
        named = ", ".join(f"{n} after {budget:.0%} of the budget" for budget, n in dropped.items())
        sentences.append(
            f"{names.model(str(model))}: {(last < 1).sum()} of {len(last)} combinations were "
            f"pruned{named and f' ({named})'}; each rung trains from the beginning, and together "
            f"they took {rungs['budget'].sum() / len(last):.0%} of what training all in full takes."
        )
    least = trials["budget"].min()
    return [
        *sentences,
        f"The best is chosen among the combinations trained on the whole budget; the effects of "
        f"settings are those on {least:.0%} of it, where all combinations were trained.",
    ]


def most_important(shares: pd.DataFrame) -> list[str]:
    """Return which settings matter most for each model, by their exact shares over a full grid."""
    parts = []
    for model, part in shares[shares["order"] == 1].groupby("model", sort=False):
        named = ", then ".join(
            f"{terms(row)} ({share(row)})" for row in by_share(part[part["low"] > 0])
        )
        parts.append(f"for {names.model(str(model))} {named or 'none beyond the noise'}")
    return [
        f"Settings that matter on their own, by their share of the variance of the validation "
        f"loss: {'; '.join(parts)}."
    ]


def against_baselines(beaten: pd.DataFrame) -> list[str]:
    """Return how many trainings of each model beat n-gram models."""
    return [
        f"{names.model(row['model'])}: of {row['trainings']} trainings, {row['beat_unigram']} "
        f"predict the scored text better than a unigram model of the text they learn from, and "
        f"{row['beat_kneser_ney']} better than its Kneser-Ney n-grams."
        for row in rows(beaten)
    ]


def unlearnt(beaten: pd.DataFrame) -> list[str]:
    """Return the models whose trainings do not beat the unigram model beyond the noise."""
    return [str(model) for model in beaten.loc[~beaten["learns"].astype(bool), "model"]]


def too_little_trained(models: Sequence[str]) -> list[str]:
    """Return that no length of truncation and no use of context is compared for `models`."""
    return [
        f"{names.model(model)}: neither BPTT lengths nor what the context gains are compared, as "
        f"not every combination of settings beats the unigram model beyond the noise."
        for model in models
    ]


def truncation_effects(
    trials: pd.DataFrame,
    effects: pd.DataFrame,
    params: RecurrentSweepParams,
    notes: Mapping[str, str],
) -> list[str]:
    """Return how bptt_length moves stability and the use of distant context, with intervals.

    trials: of the models that are compared; effects: the table `truncation`; notes: as `confounds`
    returns them.
    """
    sentences = []
    measures = {
        "clip_rate": "the share of updates that are clipped",
        "loss_variance": "the variance of the training loss around its trend, nats^2",
        "diverged": "the share of trainings that diverge",
    }
    if params.contexts:
        far = [f"context_{min(params.contexts)}_loss", "context_loss"]
        trials = trials.assign(context_gain=trials[far].sum(axis=1, skipna=False))
        measures["context_gain"] = (
            f"what the context before the last {min(params.contexts)} symbols gains over other "
            f"text in its place, nats per symbol"
        )
    note = f" ({notes['bptt_length']})" if "bptt_length" in notes else ""
    for name, part in trials.groupby("model", sort=False):
        model = names.model(str(name))
        own = {row["measure"]: row for row in rows(effects[effects["model"] == name])}
        for measure, words in measures.items():
            if measure == "diverged" and not part["diverged"].any():
                sentences.append(f"{model}: none of {len(part)} trainings diverged.")
            elif part[measure].isna().any():
                sentences.append(
                    f"{model}: {words}: not measured in all trainings, so not compared."
                )
            elif not np.isfinite((row := own[measure])["low"]):
                sentences.append(
                    f"{model}: {words}: the noise is unknown, so lengths are not compared."
                )
            elif row["beyond_noise"]:
                sentences.append(
                    f"{model}: {words}: higher at BPTT length {row['highest']} than at "
                    f"{row['lowest']} by {difference(row)}{note}."
                )
            else:
                sentences.append(
                    f"{model}: {words}: no difference between BPTT lengths exceeds the noise; the "
                    f"largest is {difference(row)}{note}."
                )
    return sentences


def confounds(trials: pd.DataFrame) -> dict[str, str]:
    """Return what else differs between the values of bptt_length or batch_size, by setting.

    trials: one row per training: the settings, updates, those of an epoch, and batch_size if it
    follows from bptt_length.
    """
    notes = {}
    for name in ("bptt_length", "batch_size"):
        if name not in trials or trials[name].nunique() < 2:
            continue
        means = trials.groupby(name)[["updates", *{"batch_size"}.intersection(trials)]].mean()
        if means["updates"].max() > EQUAL * means["updates"].min():
            notes[name] = f"a larger {names.plain(name)} makes fewer updates of the same text"
        elif name == "bptt_length" and "batch_size" in trials and means["batch_size"].nunique() > 1:
            notes[name] = (
                "at equal numbers of updates: a longer BPTT length has a smaller batch size"
            )
    return notes


def diverged(trials: pd.DataFrame) -> list[str]:
    """Return how many trainings of each model diverged, where any did."""
    return [
        f"{names.model(str(model))}: {int(own.sum())} of {len(own)} trainings diverged; "
        f"they count with the loss of guessing blindly."
        for model, own in trials.groupby("model", sort=False)["diverged"]
        if own.any()
    ]


def drawn_texts(drawn: pd.DataFrame, real: pd.DataFrame) -> list[str]:
    """Return how text drawn from the best settings scores, beside real text and shuffled words.

    drawn: the table `drawn_texts`; real: the yardsticks.
    """
    words = {
        "text_perplexity": ("a perplexity under n-grams of", 0),
        "text_coherence": ("a coherence (NPMI) of", 2),
    }
    means = real.groupby("text")[list(words)].mean()
    sentences = []
    for row in rows(drawn):
        measure, digits = words[row["measure"]]
        held_out, shuffled = means.loc[["held out", "shuffled"], row["measure"]]
        if pd.isna(held_out) or pd.isna(shuffled):
            continue
        ends = f" [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"
        sentences.append(
            f"{names.model(row['model'])}: text drawn from the best settings has {measure} "
            f"{row['mean']:.{digits}f}{ends if np.isfinite(row['low']) else ''}; held-out text has "
            f"{held_out:.{digits}f}, its words shuffled {shuffled:.{digits}f}."
        )
    return sentences


def reached(trials: pd.DataFrame, params: RecurrentSweepParams) -> list[str]:
    """Return how many trainings of each model reach the target loss, and which is the first."""
    sentences = []
    for model, part in trials.groupby("model", sort=False):
        known = rows(part[part["steps_to_target"].notna()])
        subject = names.model(str(model))
        sentences.append(
            f"{subject}: {len(known)} of {len(part)} trainings reach a loss of "
            f"{params.target_loss:g} on the text that chooses their epoch."
        )
        if len(known):
            first = min(known, key=lambda row: float(row["steps_to_target"]))
            chosen = names.chosen({name: value(first[name]) for name in params.space})
            sentences.append(
                f"{subject}: the first to reach it takes {first['steps_to_target']:.0f} updates, "
                f"{first['tokens_to_target']:,.0f} tokens, with {chosen}."
            )
    return sentences
