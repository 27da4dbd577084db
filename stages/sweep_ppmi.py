"""sweep_ppmi: PPMI and its SVD with many combinations of settings, scored."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.sweeps import ppmi, vectors


def main(run: stage.Stage) -> None:
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    trials = ppmi.sweep(
        EncodedCorpus.load(run.input("corpus") / "train", vocabulary),
        vocabulary,
        run.params.sweep_ppmi,
        run.params.evaluation,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    vectors.write(run.output("tables"), trials)


if __name__ == "__main__":
    stage.run(main)
