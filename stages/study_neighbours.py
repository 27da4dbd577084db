"""study_neighbours: which neighbours and scores draws of the documents keep."""

from wordlab.embeddings.draws import Draws
from wordlab.embeddings.vectors import load_trainings
from wordlab.pipeline import stage
from wordlab.studies.neighbours import study_neighbours

MODELS = ("skipgram", "ppmi_svd")


def main(run: stage.Stage) -> None:
    found = study_neighbours(
        {name: load_trainings(run.input(f"models/{name}")) for name in MODELS},
        {name: Draws.load(run.input(f"draws/{name}")) for name in MODELS},
        run.params.comparison.words,
        run.params.word_map.words,
        run.params.draws,
        run.params.evaluation,
        seed=run.params.seed,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
