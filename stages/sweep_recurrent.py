"""sweep_recurrent: language models trained with many combinations of settings, the best in full."""

from wordlab import artifacts
from wordlab.corpus.corpus import SPLITS, EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.sweeps.language import sweep


def main(run: stage.Stage) -> None:
    networks = run.params.language_model
    found = sweep.sweep(
        {name: EncodedCorpus.load(run.input("corpus") / name) for name in SPLITS},
        Vocabulary.load(run.input("vocabulary")).truncated(networks.vocabulary_size),
        networks,
        run.params.sweep_recurrent,
        ngram_orders=run.params.language_evaluation.ngram_orders.word,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.result(found)
    for name in ("trials", "baselines"):  # to compute with
        artifacts.write_exact(run.output("tables") / f"{name}.parquet", found.tables[name])


if __name__ == "__main__":
    stage.run(main)
