"""sweep_recurrent: how settings of LSTM and GRU move what they learn, beside the seed's noise."""

from wordlab.corpus.corpus import SPLITS, EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.sweeps import language


def main(run: stage.Stage) -> None:
    networks = run.params.language_model
    found = language.sweep(
        {name: EncodedCorpus.load(run.input("corpus") / name) for name in SPLITS},
        Vocabulary.load(run.input("vocabulary")).truncated(networks.vocabulary_size),
        networks,
        run.params.sweep_recurrent,
        ngram_orders=run.params.language_evaluation.ngram_orders.word,
        name=run.name,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main)
