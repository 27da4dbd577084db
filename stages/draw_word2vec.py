"""draw_word2vec: skip-gram on draws of the documents of the training split."""

from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.pipeline import stage
from wordlab.studies import draws


def main(run: stage.Stage) -> None:
    params = run.params.word2vec.skipgram
    vocabulary = Vocabulary.load(run.input("vocabulary"))

    def learn(text: EncodedCorpus, words: Vocabulary, seed: int, kept: Checkpoint) -> Vectors:
        return word2vec.train(
            text, words, params, architecture="skipgram", seed=seed, checkpoint=kept
        )

    draws.train(
        run.output("draws"),
        EncodedCorpus.load(run.input("corpus") / "train", vocabulary),
        vocabulary,
        learn,
        params.dimensions,
        run.params.draws.count,
        model="skipgram",
        seed=run.params.seed,
        checkpoint=run.checkpoint,
    )


if __name__ == "__main__":
    stage.run(main)
