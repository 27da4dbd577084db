"""sweep_recurrent: how settings of LSTM and GRU move their perplexity, beside the seed's noise."""

from wordlab import stage
from wordlab.sweeps import recurrent
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    found = recurrent.sweep(
        EncodedCorpus.load(run.input("corpus") / "train"),
        EncodedCorpus.load(run.input("corpus") / "valid"),
        Vocabulary.load(run.input("vocabulary")),
        run.params.language_model,
        run.params.sweep_recurrent,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
