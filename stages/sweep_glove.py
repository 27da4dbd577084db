"""sweep_glove: how settings of GloVe move its scores, beside the noise of the seed."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.sweeps import vectors


def main(run: stage.Stage) -> None:
    found = vectors.sweep_glove(
        EncodedCorpus.load(run.input("corpus") / "train"),
        Vocabulary.load(run.input("vocabulary")),
        run.params.cooccurrence,
        run.params.glove,
        run.params.sweep_glove,
        run.params.evaluation,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main)
