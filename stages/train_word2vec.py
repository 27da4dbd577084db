"""train_word2vec: skip-gram or CBOW on the training split."""

from typing import cast

from wordlab import progress, rng
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import save_trainings
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation.vectors import scores
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    params = getattr(run.params.word2vec, run.item)
    run.settings(run.item, params.model_dump())
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    corpus = EncodedCorpus.load(run.input("corpus") / "train", vocabulary)
    probe = scores.scorer() if params.score_epochs else None
    trainings = []
    for number, seed in enumerate(rng.seeds(run.params.seed, run.params.vector_seeds), start=1):
        first = number == 1  # the one whose curve is drawn
        trainings.append(
            word2vec.train(
                corpus,
                vocabulary,
                params,
                architecture=cast(word2vec.Architecture, run.item),
                seed=seed,
                on_epoch=run.on_step if first else progress.ignore_step,
                probe=probe if first else None,
                checkpoint=run.checkpoint.part(number),
            )
        )
    save_trainings(run.output("models"), trainings)
    run.curve("epoch")


if __name__ == "__main__":
    stage.run(main)
