"""train_word2vec: skip-gram or CBOW on the training split."""

from typing import cast

from wordlab import progress, rng, stage
from wordlab.embeddings import word2vec
from wordlab.embeddings.vectors import save_trainings
from wordlab.evaluation import learning_curve
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params = getattr(run.params.word2vec, run.item)
    run.settings(run.item, params.model_dump())
    corpus = EncodedCorpus.load(run.input("corpus") / "train")
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    probe = learning_curve.scorer() if params.score_epochs else None
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
    save_trainings(run.output("vectors"), trainings)
    run.curve("epoch")


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["vectors", "curve", "metrics"])
