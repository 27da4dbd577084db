"""The winners of a sweep on the test split, which nothing else in the sweep has seen."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.evaluation.language import HeldOut, score
from wordlab.evaluation.ngrams import KneserNey
from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.sweeps.space import Trial
from wordlab.sweeps.training import Job, train_model
from wordlab.sweeps.trials import TrialLogger
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary
from wordlab.workers import side_by_side

Losses = NDArray[np.floating]
SCORES = (
    *("low", "high", "perplexity_known", "unknown_share", "symbols"),
    *("ratio", "ratio_low", "ratio_high"),
)
"""What the table of winners has of `LanguageScore` besides the perplexity."""


def winners(best: pd.DataFrame, trials: pd.DataFrame, done: Sequence[Trial]) -> Iterator[Trial]:
    """Yield for each model a trial with the settings in `best`.

    done: the trials in the order of the table `trials`.
    """
    settings = list(done[0].settings)
    for row in best.to_dict("records"):
        same = trials["model"] == row["model"]
        for name in settings:
            same &= (trials[name] == row[name]) | (trials[name].isna() & pd.isna(row[name]))
        yield done[int(trials.index[same][0])]


def test(
    won: Sequence[Trial],
    jobs: Sequence[Job],
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    ngrams: KneserNey,
    *,
    seed: int,
    on_trial: TrialLogger,
) -> pd.DataFrame:
    """Train each winner on the whole training split from new seeds, and score the test split.

    jobs: what each of `won` trains, but for the seed; corpora: train, valid, which chooses the
    epoch, and test; ngrams: of the same training text. Returns a row for each winner and seed, and
    one for the mean loss over the seeds of a winner: model, settings, seed (1, 2, ... or `mean`),
    diverged (how many trainings did), test_perplexity, and of `LanguageScore` low, high,
    perplexity_known, unknown_share, symbols, ratio (to ngrams), ratio_low and ratio_high, NaN where
    all diverged; ngram_perplexity.
    """
    ids = language_ids(corpora["test"], vocabulary)
    text = HeldOut(ids, document_starts(corpora["test"]), vocabulary.unknown, vocabulary.end)
    baseline = ngrams.losses(ids)
    seeds = [str(number) for job in jobs[:1] for number in range(1, job.sweep.winner_seeds + 1)]
    planned = [replace(job, seed=winner_seed(seed, name)) for job in jobs for name in seeds]
    parts = tuple(corpora[name] for name in ("train", "valid", "test"))
    found: list[Losses | None] = [None] * len(planned)
    for number, losses in side_by_side(_test, planned, *parts, vocabulary):
        found[number] = losses
    rows: list[dict[str, Any]] = []
    for place, trial in enumerate(won):
        own = found[place * len(seeds) : (place + 1) * len(seeds)]
        for name, alike in [*zip(seeds, ([losses] for losses in own), strict=True), ("mean", own)]:
            row = {"model": trial.model, **trial.settings, "seed": name}
            scored = _scored(alike, text, baseline, seed)
            finite = {key: x for key, x in scored.items() if math.isfinite(x)}
            on_trial(f"{trial.model} winner, seed {name}, on the test split", row, finite)
            rows.append({**row, **scored})
    return pd.DataFrame(rows)


def winner_seed(seed: int, name: str) -> int:
    """Return the seed of a winner's training: no trial of a sweep has it."""
    return rng.derive(seed, "winner", name)


def _scored(
    losses: Sequence[Losses | None], text: HeldOut, baseline: Losses, seed: int
) -> dict[str, float]:
    """Return the scores of trainings alike but for the seed; losses: (N,), None if diverged."""
    known = [one for one in losses if one is not None]
    fields = dict.fromkeys(("test_perplexity", *SCORES), math.nan)
    if known:
        found = asdict(score(np.stack(known), text, seed=seed, baseline=baseline))
        fields = {"test_perplexity": found["perplexity"], **{name: found[name] for name in SCORES}}
    ngrams = math.exp(baseline.mean(dtype=np.float64))
    return {"diverged": float(len(losses) - len(known)), **fields, "ngram_perplexity": ngrams}


def _test(
    job: Job,
    learnt: EncodedCorpus,
    valid: EncodedCorpus,
    held_out: EncodedCorpus,
    vocabulary: Vocabulary,
) -> Losses | None:
    """Return the losses (N,) of the symbols of `held_out`, None where the training diverged."""
    # imported here, for the process that hands out the work needs no torch
    from wordlab.recurrent.threads import threads

    model, measured = train_model(job, learnt, valid, vocabulary)
    if measured["diverged"]:
        return None
    with threads(1):
        return model.token_losses(
            language_ids(held_out, vocabulary), document_starts=document_starts(held_out)
        )
