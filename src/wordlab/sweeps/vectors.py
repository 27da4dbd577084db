"""The sweeps of word2vec and GloVe: one trial trains vectors and scores them."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wordlab import artifacts, rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.answers import ANSWERS, measure
from wordlab.evaluation.vectors.scores import EvaluationSets
from wordlab.params.embeddings import (
    CooccurrenceParams,
    EvaluationParams,
    GloveParams,
    Word2vecSection,
)
from wordlab.params.sweeps import GloveSweepParams, GridSweepParams, Word2vecSweepParams
from wordlab.sweeps.trials import (
    Objective,
    Sweep,
    Trial,
    grid,
    ignore_trial,
    opened,
    override,
    text_digest,
)
from wordlab.trials.runner import Outcome, TrialLogger, fingerprint


def sweep_word2vec(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    base: Word2vecSection,
    params: Word2vecSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Train word2vec on `corpus` with every combination of settings and score the vectors.

    base: the settings that a trial does not change. Returns one row per trial: model, settings,
    seed, and what `answers.measure` returns. The trainings of one repetition share their seed,
    whatever the settings. Raises UserError if settings contradict one another or a training
    overflows.
    """
    sets = scores.read_sets(evaluation)
    known = corpus.known()
    planned = grid(params.architectures, params.grid, seeds=params.seeds)
    settings = [
        override(getattr(base, trial.model), {**params.fixed, **trial.settings})
        for trial in planned
    ]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        for index in itertools.chain.from_iterable(groups):
            started = time.monotonic()
            vectors = word2vec.train(
                known,
                vocabulary,
                settings[index],
                architecture="cbow" if planned[index].model == "cbow" else "skipgram",
                seed=rng.derive(seed, "sweep", planned[index].seed),
            )
            tracked = {"seconds": time.monotonic() - started}
            yield index, Outcome(measure(vectors, evaluation, sets), tracked=tracked)

    recipe = {
        "base": base.model_dump(),
        "text": text_digest(known),
        "words": fingerprint(vocabulary.words),
        "seed": seed,
    }
    with _opened(
        "word2vec", recipe, params, evaluation, sets, planned, on_trial, checkpoint
    ) as running:
        return running.run(planned, runner)


def sweep_glove(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    counting: CooccurrenceParams,
    training: GloveParams,
    params: GloveSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    threads: int | None = None,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Count, train GloVe with every combination of settings and score the vectors.

    counting, training: the settings that a trial does not change. Each window (and other setting
    of the counts) is counted once. Trials that differ in their iterations alone are one training,
    scored on the way. Returns one row per trial, as `sweep_word2vec` does. Raises UserError if
    settings contradict one another or a training's cost stops being finite.
    """
    sets = scores.read_sets(evaluation)
    planned = grid(["glove"], params.grid, seeds=params.seeds)
    settings = []
    for trial in planned:
        changes = {**params.fixed, **trial.settings}
        names = [name for name in changes if name in CooccurrenceParams.model_fields]
        of_counts = {name: changes.pop(name) for name in names}
        settings.append((override(counting, of_counts), override(training, changes)))

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        counted: CooccurrenceParams | None = None
        for group in filter(None, groups):
            if settings[group[0]][0] != counted:
                counted = settings[group[0]][0]
                counts = cooccurrence.count(corpus, vocabulary, counted, seed=seed, threads=threads)
            index_of = {settings[index][1].iterations: index for index in group}
            own = rng.derive(seed, "sweep", planned[group[0]].seed)
            seconds, started = 0.0, time.monotonic()
            for iterations, vectors in glove.train_and_stop_by(
                counts, settings[group[0]][1], tuple(index_of), seed=own, threads=threads
            ):
                seconds += time.monotonic() - started
                scored = measure(vectors, evaluation, sets)
                yield index_of[iterations], Outcome(scored, tracked={"seconds": seconds})
                started = time.monotonic()

    alike: dict[Any, list[int]] = {}
    for index, (counted, trained) in enumerate(settings):
        key = counted, trained.model_copy(update={"iterations": 1}), planned[index].seed
        alike.setdefault(key, []).append(index)
    recipe = {
        "counting": counting.model_dump(exclude={"memory_mb"}),
        "training": training.model_dump(),
        "text": text_digest(corpus),
        "words": fingerprint(vocabulary.words),
        "seed": seed,
    }
    with _opened(
        "glove", recipe, params, evaluation, sets, planned, on_trial, checkpoint
    ) as running:
        return running.run(planned, runner, list(alike.values()))


def _opened(
    name: Literal["word2vec", "glove"],
    recipe: Mapping[str, Any],
    params: GridSweepParams,
    evaluation: EvaluationParams,
    sets: EvaluationSets,
    planned: Sequence[Trial],
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> AbstractContextManager[Sweep]:
    """Open a sweep of vectors, as `trials.opened`; recipe: what is not common to both sweeps.

    `on_trial` gets the scores under the names that evaluate_embeddings gives them, so that the runs
    of trials and those of models trained in full can be compared.
    """
    names = {pairs.name: f"{pairs.name}.spearman" for pairs in sets.pairs}
    for group in scores.GROUPS:
        names[f"analogy_{group}"] = f"analogy.{evaluation.analogies.methods[0]}.{group}"

    def renamed(trial: str, settings: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        on_trial(trial, settings, {names.get(key, key): x for key, x in metrics.items()})

    return opened(
        f"sweep_{name}",
        params.grid,
        checkpoint,
        recipe={**recipe, "fixed": params.fixed, "evaluation": evaluation.model_dump()},
        models=list(dict.fromkeys(trial.model for trial in planned)),
        objective=Objective(sets.pairs[0].name if sets.pairs else "analogy_total", "higher"),
        title=f"sweep of {'GloVe' if name == 'glove' else name}",
        count=len(planned),
        fixed=params.fixed,
        on_trial=renamed,
    )


def write(folder: Path, trials: pd.DataFrame) -> None:
    """Write `trials` to read, and exactly, with their answers, to compute with."""
    artifacts.write_tables(folder, {"trials": trials.drop(columns=ANSWERS)})
    artifacts.write_exact(folder / "trials.parquet", trials)
