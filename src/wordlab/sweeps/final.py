"""The winners of a sweep on the test split, which nothing else in the sweep has seen."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language import HeldOut, score
from wordlab.evaluation.ngrams import KneserNey
from wordlab.parallel import side_by_side
from wordlab.recurrent.batches import document_starts, language_ids
from wordlab.sweeps.language_trial import Job, train_model
from wordlab.sweeps.space import Trial, fingerprint
from wordlab.sweeps.trials import TrialLogger

Losses = NDArray[np.floating]
SCORES = (
    *("low", "high", "perplexity_known", "unknown_share", "symbols"),
    *("ratio", "ratio_low", "ratio_high"),
)
"""What the table of winners has of `LanguageScore` besides the perplexity."""


@dataclass(frozen=True)
class Kept:
    """The losses of winners whose trainings have ended, in parts of the checkpoint of a stage.

    recipe: all that decides them besides their jobs, as JSON can hold it.
    """

    checkpoint: Checkpoint
    recipe: Any

    def load(self, number: int, job: Job) -> tuple[Losses | None] | None:
        """Return the losses that `job` left, themselves None if it diverged; None if it has not."""
        found = self.checkpoint.part(number).resume(lambda: self._name(job))
        return None if found is None else (found[0]["winner"].get("losses"),)

    def save(self, number: int, job: Job, losses: Losses | None) -> None:
        """Keep the losses (N,) of `job`, None if it diverged."""
        arrays = {} if losses is None else {"losses": losses}
        self.checkpoint.part(number).save({"winner": arrays}, {})

    def _name(self, job: Job) -> str:
        return fingerprint([self.recipe, job.params.model_dump(), job.seed, job.share])


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
    kept: Kept,
    *,
    seed: int,
    on_trial: TrialLogger,
) -> pd.DataFrame:
    """Train each winner on the whole training split from new seeds, and score the test split.

    jobs: what each of `won` trains, but for the seed; corpora: train, valid, which chooses the
    epoch, and test; ngrams: of the same training text; kept: where losses are kept, and those of
    trainings that have ended are taken from. Returns a row for each winner and seed, and one for
    the mean loss over the seeds of a winner: model, settings, epochs (at most), seed (1, 2, ... or
    `mean`), diverged (how many trainings did), test_perplexity, and of `LanguageScore` low, high,
    perplexity_known, unknown_share, symbols, ratio (to ngrams), ratio_low and ratio_high, NaN where
    all diverged; ngram_perplexity.
    """
    ids = language_ids(corpora["test"], vocabulary)
    text = HeldOut(ids, document_starts(corpora["test"]), vocabulary.unknown, vocabulary.end)
    baseline = ngrams.losses(ids)
    seeds = [str(number) for job in jobs[:1] for number in range(1, job.sweep.winner_seeds + 1)]
    planned = [replace(job, seed=winner_seed(seed, name)) for job in jobs for name in seeds]
    parts = tuple(corpora[name] for name in ("train", "valid", "test"))
    found = {number: kept.load(number, job) for number, job in enumerate(planned)}
    left = [number for number, ended in found.items() if ended is None]
    for place, losses in side_by_side(_test, [planned[n] for n in left], *parts, vocabulary):
        kept.save(left[place], planned[left[place]], losses)
        found[left[place]] = (losses,)
    ended = [losses for one in found.values() if one is not None for losses in one]
    rows: list[dict[str, Any]] = []
    for place, trial in enumerate(won):
        own = ended[place * len(seeds) : (place + 1) * len(seeds)]
        for name, alike in [*zip(seeds, ([losses] for losses in own), strict=True), ("mean", own)]:
            epochs = {"epochs": jobs[place].params.epochs}
            row = {"model": trial.model, **trial.settings, **epochs, "seed": name}
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
    from wordlab.recurrent.devices import threads

    model, measured = train_model(job, learnt, valid, vocabulary)
    if measured["diverged"]:
        return None
    with threads(1):
        return model.token_losses(
            language_ids(held_out, vocabulary), document_starts=document_starts(held_out)
        )
