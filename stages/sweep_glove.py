"""sweep_glove: how settings of GloVe move its scores, beside the noise of the seed."""

from wordlab import stage
from wordlab.sweeps import glove
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    found = glove.sweep(
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
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
