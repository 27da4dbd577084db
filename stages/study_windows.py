"""study_windows: what the width of the window does to PPMI and its vectors."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.studies.windows import study_windows


def main(run: stage.Stage) -> None:
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    found = study_windows(
        EncodedCorpus.load(run.input("corpus") / "train", vocabulary),
        vocabulary,
        run.params.window_study,
        counting=run.params.cooccurrence,
        weighing=run.params.ppmi,
        evaluation=run.params.evaluation,
        comparison=run.params.comparison,
        seed=run.params.seed,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
