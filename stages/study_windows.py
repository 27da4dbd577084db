"""study_windows: what the width of the window does to PPMI and its vectors."""

from wordlab import stage
from wordlab.studies.windows import study_windows
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    found = study_windows(
        EncodedCorpus.load(run.input("corpus") / "train"),
        Vocabulary.load(run.input("vocabulary")),
        run.params.window_study,
        counting=run.params.cooccurrence,
        weighing=run.params.ppmi,
        evaluation=run.params.evaluation,
        comparison=run.params.comparison,
        seed=run.params.seed,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
