"""train_word2vec: skip-gram or CBOW on the training split."""

from typing import cast

from wordlab import stage
from wordlab.embeddings import word2vec
from wordlab.evaluation import learning_curve
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params = getattr(run.params.word2vec, run.item)
    run.settings(run.item, params.model_dump())
    vectors = word2vec.train(
        EncodedCorpus.load(run.input("corpus") / "train"),
        Vocabulary.load(run.input("vocabulary")),
        params,
        architecture=cast(word2vec.Architecture, run.item),
        seed=run.params.seed,
        on_epoch=run.on_step,
        probe=learning_curve.scorer() if params.score_epochs else None,
        checkpoint=run.checkpoint,
    )
    vectors.save(run.output("vectors"))
    run.curve("epoch")


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["vectors", "curve", "metrics"])
