"""The sweep of word2vec: how its settings move the scores of its vectors."""

import itertools
import time
from collections.abc import Iterator, Sequence

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import word2vec
from wordlab.evaluation import scores
from wordlab.params.embeddings import Word2vecSection
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.sweeps import Word2vecSweepParams
from wordlab.sweeps.scoring import as_evaluated, measure, objective, summarised
from wordlab.sweeps.space import code_digest, fingerprint, grid, override, text_digest
from wordlab.sweeps.store import opened
from wordlab.sweeps.summary import SweepResult
from wordlab.sweeps.trials import Metrics, Sweep, TrialLogger, ignore_trial
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

NOTHING_KEPT = Checkpoint()


def sweep(
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
            "code": code_digest("embeddings", "evaluation", "sweeps/scoring"),
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
