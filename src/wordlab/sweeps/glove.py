"""How GloVe's window, dimensions and iterations move its scores."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import cooccurrence, glove
from wordlab.embeddings.cooccurrence import Counts
from wordlab.evaluation import scores
from wordlab.params.embeddings import CooccurrenceParams, GloveParams
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.studies import GloveStudyParams
from wordlab.sweeps import trials
from wordlab.sweeps.space import Trial, grid
from wordlab.sweeps.summary import Goal, SweepResult, summarise
from wordlab.sweeps.trials import Metrics, TrialLogger, ignore_trial
from wordlab.sweeps.word2vec import measure
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

NOTHING_KEPT = Checkpoint()


def study_glove(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: GloveStudyParams,
    *,
    counting: CooccurrenceParams,
    training: GloveParams,
    evaluation: EvaluationParams,
    seed: int,
    threads: int | None = None,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> SweepResult:
    """Train GloVe with every combination of window, dimensions and iterations, and score it.

    One training does for all `params.iterations`: its vectors are scored on the way. Windows are
    counted once each. Analogies are answered by the first method of `evaluation`.
    Raises UserError if a training's cost stops being finite.
    """
    sets = scores.read_sets(evaluation)
    values = {
        "window": params.windows,
        "dimensions": params.dimensions,
        "iterations": params.iterations,
    }

    def runner(left: Sequence[tuple[int, Trial]]) -> Iterator[tuple[int, Metrics]]:
        together: dict[tuple[int, int, int], dict[int, int]] = defaultdict(dict)
        for index, trial in left:
            window, dimensions, iterations = trial.settings.values()
            together[window, dimensions, trial.seed][iterations] = index
        counted: dict[int, Counts] = {}
        for (window, dimensions, repetition), index_of in sorted(together.items()):
            if window not in counted:
                settings = counting.model_copy(update={"window": window})
                counted = {
                    window: cooccurrence.count(
                        corpus, vocabulary, settings, seed=seed, threads=threads
                    )
                }
            for iterations, vectors in glove.train_and_stop_by(
                counted[window],
                training.model_copy(update={"dimensions": dimensions}),
                tuple(index_of),
                seed=rng.derive(seed, "glove study", repetition),
                threads=threads,
            ):
                yield index_of[iterations], measure(vectors, evaluation, sets)

    table = trials.run(
        grid(["glove"], values, seeds=params.seeds),
        runner,
        recipe={
            "counting": counting.model_dump(exclude={"memory_mb"}),
            "training": training.model_dump(),
            "evaluation": evaluation.model_dump(),
            "tokens": len(corpus),
            "words": len(vocabulary),
            "seed": seed,
        },
        title="study of GloVe",
        on_trial=on_trial,
        checkpoint=checkpoint,
    )
    names = [name for name in table.columns if name.startswith("analogy_")]
    goals: dict[str, Goal] = dict.fromkeys(
        (*names, *(pairs.name for pairs in sets.pairs)), "higher"
    )
    return summarise(table, list(values), goals, params.confidence)
