"""What the sweeps of word2vec, GloVe and PPMI share: one trial trains vectors and scores them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wordlab import artifacts
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.answers import ANSWERS, measure
from wordlab.evaluation.vectors.sets import digests, read_sets
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sweeps import UNSEEN, GridSweepParams
from wordlab.sweeps.trials import Objective, Trial, opened, text_digest
from wordlab.trials.runner import Outcome, TrialLogger, fingerprint

Training = Callable[[Sequence[int]], Iterable[tuple[int, Vectors]]]
"""Trains the trials of these numbers, and gives each with its vectors."""


def sweep(
    kind: Literal["word2vec", "GloVe", "PPMI"],
    train: Training,
    planned: Sequence[Trial],
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: GridSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
    groups: Sequence[Sequence[int]] | None = None,
) -> pd.DataFrame:
    """Run the trials `planned`, and score the vectors that `train` makes of each.

    groups: the numbers of trials that `train` takes together; each alone if not given. Returns one
    row per trial: model, settings, seed, and what `answers.measure` returns. `on_trial` gets the
    scores under the names that evaluate_embeddings gives them, so that the runs of trials and those
    of models trained in full can be compared.
    """
    sets = read_sets(evaluation)
    measures = {pairs.name: f"{pairs.name}.spearman" for pairs in sets.pairs}
    for group in scores.GROUPS:
        measures[f"analogy_{group}"] = f"analogy.{evaluation.analogies.methods[0]}.{group}"

    def renamed(trial: str, settings: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        on_trial(trial, settings, {measures.get(key, key): x for key, x in metrics.items()})

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        for group in filter(None, groups):
            seconds, started = 0.0, time.monotonic()
            for number, vectors in train(group):
                seconds += time.monotonic() - started
                measured = measure(vectors, evaluation, sets)
                yield number, Outcome(measured, tracked={"seconds": seconds})
                started = time.monotonic()

    with opened(
        f"sweep_{kind.lower()}",
        {name: tuple(dict.fromkeys(t.settings[name] for t in planned)) for name in params.grid},
        checkpoint,
        recipe={
            "fixed": {key: x for key, x in params.fixed.items() if key not in UNSEEN},
            "text": text_digest(corpus),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
            "evaluation": evaluation.model_dump(),
            "sets": digests(evaluation),
        },
        models=list(dict.fromkeys(trial.model for trial in planned)),
        objective=Objective(sets.pairs[0].name if sets.pairs else "analogy_total", "higher"),
        title=f"sweep of {kind}",
        count=len(planned),
        fixed=params.fixed,
        on_trial=renamed,
    ) as running:
        return running.run(planned, runner, groups)


def write(folder: Path, trials: pd.DataFrame) -> None:
    """Write `trials` to read, and exactly, with their answers, to compute with."""
    artifacts.write_tables(folder, {"trials": trials.drop(columns=ANSWERS)})
    artifacts.write_exact(folder / "trials.parquet", trials)
