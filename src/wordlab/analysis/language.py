"""What a sweep of recurrent language models shows, in tables and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from wordlab import names
from wordlab.analysis.sensitivity import analyse, sentences
from wordlab.analysis.summary import Goal, SweepResult, summarise
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.report.findings.sweeps import (
    against_baselines,
    confounds,
    diverged,
    drawn_texts,
    most_important,
    reached,
    too_little_trained,
    truncation_effects,
)
from wordlab.sweeps import search
from wordlab.sweeps.baselines import beaten, trained
from wordlab.sweeps.language_trial import curves

TESTED = (
    *("test_perplexity", "low", "high", "perplexity_known", "unknown_share", "symbols"),
    *("ratio", "ratio_low", "ratio_high", "ngram_perplexity"),
)
"""The scores of winners among the metrics."""


def conclude(
    trials: pd.DataFrame,
    texts: pd.DataFrame,
    known: pd.DataFrame,
    params: RecurrentSweepParams,
    *,
    seed: int,
) -> SweepResult:
    """Return what the `trials` of a sweep show.

    texts: the yardsticks of drawn text; known: the n-gram models that trainings are held against,
    as in `baselines`. Lengths of truncation, and what the context gains, are compared only for
    models whose trainings beat the unigram model beyond the noise.

    Beside the tables of all sweeps: those of `sensitivity.Sensitivity`; `progress`, the loss of
    each trial on the text that chooses its epoch by the tokens learnt from: model, settings, fold
    (if several), seed, tokens, valid_loss; `yardsticks`: fold, text and the scores of real text;
    `baselines`: `known`.
    Where the sweep prunes, trials have a budget before their seed: the best is of those with all of
    it, what the settings do of those with the least.
    """
    table, progress = curves(trials)
    settings, pruned = list(params.space), params.pruning != "none"
    first, full = search.ends(table) if pruned else (table, table)
    notes, grid = confounds(first), params.search == "grid"
    models = dict(iter(first.groupby("model", sort=False)))
    little = [
        str(model)
        for model, part in models.items()
        if grid and not trained(part, known, settings, params.confidence)
    ]
    untold = [(model, "bptt_length") for model in little]
    found = _summarised(table, first, full, params, notes, untold)
    numbers = beaten(full, known)
    headline = search.sentences(table, settings) if pruned else []
    headline += against_baselines(numbers) + too_little_trained(little)
    headline += most_important(found.importances)
    if grid and "bptt_length" in settings:
        enough = first[~first["model"].isin(little)]
        headline += truncation_effects(enough, settings, params, notes)
    said = list(found.sentences)
    parts: dict[str, list[pd.DataFrame]] = {"sensitivity": [], "curves": [], "surfaces": []}
    for model, part in models.items():
        analysed = analyse(
            part,
            params.space,
            "valid_loss",
            "lower",
            trees=params.trees,
            confidence=params.confidence,
            seed=seed,
        )
        said += sentences(str(model), "valid_loss", analysed)
        for name, own in analysed.tables().items():
            own.insert(0, "model", str(model))
            own.insert(1, "score", "valid_loss")
            parts[name].append(own)
    said = [*headline, *said]
    said += drawn_texts(full, found.best, texts, params) + reached(full, params) + diverged(first)
    return replace(
        found,
        sentences=tuple(said),
        further={
            **{name: pd.concat(own, ignore_index=True) for name, own in parts.items()},
            "progress": progress,
            "yardsticks": texts,
            "baselines": known,
        },
        numbers={model: {"baselines": own} for model, own in numbers.items()},
    )


def _summarised(
    table: pd.DataFrame,
    first: pd.DataFrame,
    full: pd.DataFrame,
    params: RecurrentSweepParams,
    notes: Mapping[str, str],
    untold: Sequence[tuple[str, str]],
) -> SweepResult:
    """Return the tables of all sweeps; the exact analysis is of `first`, a full grid if any is."""
    settings, grid = list(params.space), params.search == "grid"
    goals: dict[str, Goal] = {"valid_loss": "lower"}
    if params.pruning == "none":
        return summarise(
            table, settings, goals, params.confidence, full_grid=grid, notes=notes, untold=untold
        )
    found = summarise(full, settings, goals, params.confidence, full_grid=False)
    if not grid:
        return replace(found, trials=table)
    exact = summarise(first, settings, goals, params.confidence)
    return replace(exact, trials=table, best=found.best, sentences=found.sentences)


def with_tests(found: SweepResult, tested: pd.DataFrame, settings: Sequence[str]) -> SweepResult:
    """Return `found` with what the winners reach on the test split, `tested`, as in `final`.

    It becomes the table `winners`; what it says comes first. settings: the names of those tried.
    """
    said: list[str] = []
    numbers = {model: dict(own) for model, own in found.numbers.items()}
    for name, part in tested.groupby("model", sort=False):
        model = names.model(str(name))
        rows = part.set_index("seed").to_dict("index")
        mean = rows.pop("mean")
        chosen = names.chosen({setting: mean[setting] for setting in settings})
        epochs = "one epoch" if mean["epochs"] == 1 else f"at most {mean['epochs']:.0f} epochs"
        start = (
            f"{model}: the best settings ({chosen}), trained for {epochs} on the whole training "
            f"split"
        )
        left = len(rows) - round(mean["diverged"])
        if left < len(rows):
            said.append(f"{start}: {len(rows) - left} of {len(rows)} new seeds diverged.")
        if not left:
            continue
        seeds = f"{left} new seed{'s' if left > 1 else ''}"
        if left < len(rows):
            said.append(
                f"{model}: the {seeds} that did not diverge reach a perplexity of "
                f"{mean['test_perplexity']:.1f} on the test split, which gives no verdict on these "
                f"settings."
            )
            continue
        said += [
            f"{start} from {seeds}, reach a perplexity of {mean['test_perplexity']:.1f} "
            f"[{mean['low']:.1f}, {mean['high']:.1f}] on the test split, which chose nothing.",
            f"{model}: {mean['unknown_share']:.0%} of the symbols of the test split are unknown "
            f"words; on the others the perplexity is {mean['perplexity_known']:.1f}.",
            f"{model}: {mean['ratio']:.2f} [{mean['ratio_low']:.2f}, {mean['ratio_high']:.2f}] "
            f"times the perplexity of Kneser-Ney n-grams of the same text, "
            f"{mean['ngram_perplexity']:.1f}: {_verdict(mean['ratio_low'], mean['ratio_high'])}.",
        ]
        numbers.setdefault(str(name), {})["test"] = {key: mean[key] for key in TESTED}
    return replace(
        found,
        sentences=(*said, *found.sentences),
        further={**found.further, "winners": tested},
        numbers=numbers,
    )


def _verdict(low: float, high: float) -> str:
    """Return what the interval of a ratio of perplexities says of a network beside n-grams."""
    if high < 1:
        return "the network predicts better"
    return "the n-grams predict better" if low > 1 else "the interval includes no difference"
