"""map_embeddings: the commonest words of every model in the plane, for the figure and the page."""

import json

from wordlab.artifacts import write_table
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import models
from wordlab.evaluation.comparison.neighbours import project
from wordlab.evaluation.vectors.scores import trainings
from wordlab.evaluation.vectors.similarity import space
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    trained, _ = models.load(run.input, Vectors.load)
    tables, drawn = run.output("tables"), {}
    for name in ("skipgram", *(name for name in trained if name != "skipgram")):  # shown first
        first = space(trainings(trained[name])[0])
        projection = project(first, run.params.word_map, seed=run.params.seed)
        write_table(tables / f"{name}.csv", projection.table())
        drawn[name] = projection.drawn()
    (tables / "drawn.json").write_text(json.dumps(drawn, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
