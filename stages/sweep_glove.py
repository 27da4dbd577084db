"""sweep_glove: GloVe trained with many combinations of settings, and scored."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.sweeps import glove, vectors


def main(run: stage.Stage) -> None:
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    trials = glove.sweep(
        EncodedCorpus.load(run.input("corpus") / "train", vocabulary),
        vocabulary,
        run.params.sweep_glove,
        run.params.evaluation,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    vectors.write(run.output("tables"), trials)


if __name__ == "__main__":
    stage.run(main)
