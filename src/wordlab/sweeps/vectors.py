"""The sweeps of word2vec and GloVe: one trial trains vectors and scores them."""

import base64
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.analysis.summary import Goal, SweepResult, summarise
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.glove import training as glove
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation import scores
from wordlab.evaluation.analogy import AnalogyResult
from wordlab.evaluation.scores import EvaluationSets, Scores
from wordlab.evaluation.similarity import SimilarityResult
from wordlab.evaluation.statistics import Floats
from wordlab.params.embeddings import CooccurrenceParams, GloveParams, Word2vecSection
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.sweeps import GloveSweepParams, GridSweepParams, Word2vecSweepParams
from wordlab.sweeps.space import Trial, code_digest, fingerprint, grid, override, text_digest
from wordlab.sweeps.store import opened
from wordlab.sweeps.trials import ANSWERS, Metrics, Objective, Sweep, TrialLogger, ignore_trial

ANALOGY = "analogy"
HIGHER: Goal = "higher"


def measure(vectors: Vectors, params: EvaluationParams, sets: EvaluationSets) -> dict[str, Any]:
    """Return the scores that a trial is judged by, NaN for what cannot be scored, and its answers.

    `analogy_semantic`, `analogy_syntactic` and `analogy_total`: shares of right answers among
    the known questions, by the first method of `params`; by the name of each set of pairs:
    Spearman's correlation. `answers`: by set, which items are known, and the cosines of these, or
    which are answered rightly, each as text.
    """
    scored = scores.evaluate(vectors, params.by_first_method(), seed=0, sets=sets)
    ((answered,),) = scored.analogy.values()
    result = {
        f"analogy_{group}": answered.accuracy(sets.questions.group(group))
        for group in scores.GROUPS
    }
    answers = {ANALOGY: [_bits(answered.known), _bits(answered.correct)]}
    for name, (found,) in scored.similarity.items():
        result[name] = found.spearman()
        cosines = found.cosines[found.known].astype("<f4")
        answers[name] = [_bits(found.known), base64.b64encode(cosines.tobytes()).decode()]
    return {**{name: round(value, 6) for name, value in result.items()}, ANSWERS: answers}


def resampled(
    trials: pd.DataFrame,
    settings: Sequence[str],
    params: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> dict[str, Floats]:
    """Return each score of each trial's combination in resamples of items and seeds.

    float64 (trials, 3, B), as `statistics.combined` takes them. trials: with the column `answers`,
    which `measure` made. The items of all are drawn together, as for `scores.Task`, and so pairs of
    combinations are compared on the same ones.
    """
    params = params.by_first_method()
    method = params.analogies.methods[0]
    groups = trials.groupby(["model", *settings], sort=False, dropna=False)[ANSWERS]
    found = {
        str(number): _scores([_answers(answers, sets) for answers in own], params, seed, number)
        for number, (_, own) in enumerate(groups)
    }
    tasks = {
        f"analogy_{group}": scores.analogy_task(found, method, sets.questions.group(group))
        for group in scores.GROUPS
    }
    tasks |= {pairs.name: scores.similarity_task(found, pairs.name) for pairs in sets.pairs}
    numbers = groups.ngroup().to_numpy()
    return {name: task.draws[numbers] for name, task in tasks.items()}


def _scores(
    answers: Sequence[Mapping[str, SimilarityResult | AnalogyResult]],
    params: EvaluationParams,
    seed: int,
    number: int,
) -> Scores:
    """Return the scores of one combination from the answers of each of its trainings."""
    by_name = {name: tuple(one[name] for one in answers) for name in answers[0]}
    analogies = {params.analogies.methods[0]: by_name.pop(ANALOGY)}
    return Scores(cast(Any, by_name), cast(Any, analogies), params, seed, str(number))


def _answers(
    kept: Mapping[str, Sequence[str]], sets: EvaluationSets
) -> dict[str, SimilarityResult | AnalogyResult]:
    """Return the results that `measure` made `answers` of; which word was answered is not kept."""
    known, correct = (_flags(text, len(sets.questions)) for text in kept[ANALOGY])
    found: dict[str, SimilarityResult | AnalogyResult] = {
        ANALOGY: AnalogyResult(sets.questions, known, (None,) * len(known), correct)
    }
    for pairs in sets.pairs:
        known = _flags(kept[pairs.name][0], len(pairs))
        cosines = np.zeros(len(pairs))
        cosines[known] = np.frombuffer(base64.b64decode(kept[pairs.name][1]), "<f4")
        found[pairs.name] = SimilarityResult(pairs, known, cosines)
    return found


def _bits(flags: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(flags).tobytes()).decode()


def _flags(text: str, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(packed, count=count).astype(bool)


def summarised(
    table: pd.DataFrame,
    params: GridSweepParams,
    evaluation: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> SweepResult:
    """Return what a sweep found, by intervals over seeds and items together, analogies first.

    table: one row per trial, with what `measure` found.
    """
    settings = list(params.grid)
    draws = resampled(table, settings, evaluation, sets, seed=seed)
    goals = dict.fromkeys(draws, HIGHER)
    return summarise(table.drop(columns=ANSWERS), settings, goals, params.confidence, draws=draws)


def objective(sets: EvaluationSets) -> Objective:
    """Return what tells the best trial while a sweep runs: the first set of pairs, or analogies."""
    return Objective(sets.pairs[0].name if sets.pairs else "analogy_total", "higher")


def as_evaluated(
    on_trial: TrialLogger, params: EvaluationParams, sets: EvaluationSets
) -> TrialLogger:
    """Return `on_trial` with the scores under the names that evaluate_embeddings gives them.

    So the runs of trials, and those of models trained in full, can be compared.
    """
    names = {pairs.name: f"{pairs.name}.spearman" for pairs in sets.pairs}
    for group in scores.GROUPS:
        names[f"analogy_{group}"] = f"analogy.{params.analogies.methods[0]}.{group}"

    def renamed(name: str, settings: Mapping[str, Any], metrics: Metrics) -> None:
        on_trial(name, settings, {names.get(key, key): x for key, x in metrics.items()})

    return renamed


NOTHING_KEPT = Checkpoint()


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
) -> SweepResult:
    """Train word2vec on `corpus` with every combination of settings and score the vectors.

    base: the settings that a trial does not change. Analogies are answered by the first method of
    `evaluation`. The trainings of one repetition share their seed, whatever the settings.
    Raises UserError if settings contradict one another or a training overflows.
    """
    sets = scores.read_sets(evaluation)
    known = corpus.known()
    planned = grid(params.architectures, params.grid, seeds=params.seeds)
    settings = [
        override(getattr(base, trial.model), {**params.fixed, **trial.settings})
        for trial in planned
    ]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Metrics]]:
        for index in itertools.chain.from_iterable(groups):
            started = time.monotonic()
            vectors = word2vec.train(
                known,
                vocabulary,
                settings[index],
                architecture="cbow" if planned[index].model == "cbow" else "skipgram",
                seed=rng.derive(seed, "sweep", planned[index].seed),
            )
            seconds = time.monotonic() - started
            yield index, {**measure(vectors, evaluation, sets), "seconds": seconds}

    with Sweep(
        opened("sweep_word2vec", params.grid, checkpoint),
        recipe={
            "base": base.model_dump(),
            "fixed": params.fixed,
            "evaluation": evaluation.model_dump(),
            "text": text_digest(known),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
            "code": code_digest("embeddings", "evaluation", "sweeps/vectors"),
        },
        models=params.architectures,
        objective=objective(sets),
        title="sweep of word2vec",
        count=len(planned),
        fixed=params.fixed,
        on_trial=as_evaluated(on_trial, evaluation, sets),
    ) as running:
        table = running.run(planned, runner)
    return summarised(table, params, evaluation, sets, seed=seed)


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
) -> SweepResult:
    """Count, train GloVe with every combination of settings and score the vectors.

    counting, training: the settings that a trial does not change. Each window (and other setting
    of the counts) is counted once. Trials that differ in their iterations alone are one training,
    scored on the way. The trainings of one repetition share their seed, whatever the settings.
    Raises UserError if settings contradict one another or a training's cost stops being finite.
    """
    sets = scores.read_sets(evaluation)
    planned = grid(["glove"], params.grid, seeds=params.seeds)
    settings = [_settings(counting, training, params, trial) for trial in planned]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Metrics]]:
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
                yield index_of[iterations], {**scored, "seconds": seconds}
                started = time.monotonic()

    alike: dict[Any, list[int]] = {}
    for index, (counted, trained) in enumerate(settings):
        key = counted, trained.model_copy(update={"iterations": 1}), planned[index].seed
        alike.setdefault(key, []).append(index)
    with Sweep(
        opened("sweep_glove", params.grid, checkpoint),
        recipe={
            "counting": counting.model_dump(exclude={"memory_mb"}),
            "training": training.model_dump(),
            "fixed": params.fixed,
            "evaluation": evaluation.model_dump(),
            "text": text_digest(corpus),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
            "code": code_digest("embeddings", "evaluation", "sweeps/vectors"),
        },
        models=["glove"],
        objective=objective(sets),
        title="sweep of GloVe",
        count=len(planned),
        fixed=params.fixed,
        on_trial=as_evaluated(on_trial, evaluation, sets),
    ) as running:
        table = running.run(planned, runner, list(alike.values()))
    return summarised(table, params, evaluation, sets, seed=seed)


def _settings(
    counting: CooccurrenceParams, training: GloveParams, params: GloveSweepParams, trial: Trial
) -> tuple[CooccurrenceParams, GloveParams]:
    """Return what a trial counts and trains by: its settings on top of the sections' own."""
    changes = {**params.fixed, **trial.settings}
    counts = {name: x for name, x in changes.items() if name in CooccurrenceParams.model_fields}
    return override(counting, counts), override(
        training, {name: x for name, x in changes.items() if name not in counts}
    )
