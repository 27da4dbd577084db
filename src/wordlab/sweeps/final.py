"""The winners of a sweep on the test split, which nothing else in the sweep has seen."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.sweeps.space import Trial
from wordlab.sweeps.training import Job, train_model
from wordlab.sweeps.trials import TrialLogger
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary
from wordlab.workers import side_by_side


def winners(best: pd.DataFrame, trials: pd.DataFrame, done: Sequence[Trial]) -> Iterator[Trial]:
    """Yield of each model a trial with the settings in `best`.

    done: the trials in the order of the table `trials`.
    """
    settings = list(done[0].settings)
    for row in best.to_dict("records"):
        same = trials["model"] == row["model"]
        for name in settings:
            same &= (trials[name] == row[name]) | (trials[name].isna() & pd.isna(row[name]))
        yield done[int(trials.index[same][0])]


def test(
    trials: Sequence[Trial],
    jobs: Sequence[Job],
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    *,
    on_trial: TrialLogger,
) -> pd.DataFrame:
    """Train each of `trials` on all that the sweep learnt from, and score it on the test split.

    jobs: what each trains; corpora: train, valid, which chooses the epoch, and test. Returns a row
    a winner: model, settings, diverged (1 or 0), test_perplexity, low and high (its 95 % bootstrap
    interval over sentences), symbols, unknown_share, and ngram_perplexity (Kneser-Ney n-grams of
    the same text).
    """
    parts = tuple(corpora[name] for name in ("train", "valid", "test"))
    rows: list[dict[str, Any]] = [{} for _ in trials]
    for place, measured in side_by_side(_test, jobs, *parts, vocabulary):
        named = {"model": trials[place].model, **trials[place].settings}
        rows[place] = {**named, **measured}
        on_trial(f"{trials[place].model} winner, on the test split", named, measured)
    return pd.DataFrame(rows)


def _test(
    job: Job,
    learnt: EncodedCorpus,
    valid: EncodedCorpus,
    held_out: EncodedCorpus,
    vocabulary: Vocabulary,
) -> dict[str, float]:
    # imported here, for the process that hands out the work needs no torch
    from wordlab.evaluation.language import HeldOut, score
    from wordlab.evaluation.ngrams import KneserNey
    from wordlab.recurrent.threads import threads

    model, measured = train_model(job, learnt, valid, vocabulary)
    train_ids, ids = (language_ids(corpus, vocabulary) for corpus in (learnt, held_out))
    text = HeldOut(ids, document_starts(held_out), vocabulary.unknown, vocabulary.end)
    with threads(1):
        losses = model.token_losses(ids, document_starts=text.document_starts)
    ngrams = KneserNey.fit(
        train_ids, order=job.ngram_order, classes=vocabulary.classes, end=vocabulary.end
    ).losses(ids)
    found = asdict(score(losses, text, seed=job.seed, baseline=ngrams))
    return {
        "diverged": measured["diverged"],
        "test_perplexity": found["perplexity"],
        **{name: found[name] for name in ("low", "high", "symbols", "unknown_share")},
        "ngram_perplexity": math.exp(ngrams.mean()),
    }
