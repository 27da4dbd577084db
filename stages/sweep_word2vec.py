"""sweep_word2vec: how settings of word2vec move its scores, beside the noise of the seed."""

from wordlab import stage
from wordlab.sweeps import word2vec
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    found = word2vec.sweep(
        EncodedCorpus.load(run.input("corpus") / "train"),
        Vocabulary.load(run.input("vocabulary")),
        run.params.word2vec,
        run.params.sweep_word2vec,
        run.params.evaluation,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
