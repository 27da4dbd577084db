"""map_embeddings: the commonest words of every model in the plane, for the figure and the page."""

import json

from wordlab.artifacts import write_table
from wordlab.evaluation import models
from wordlab.evaluation.comparison.neighbours import project
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    tables, drawn = run.output("tables"), {}
    for name, space in models.spaces(run.input).items():
        projection = project(space, run.params.word_map, seed=run.params.seed)
        write_table(tables / f"{name}.csv", projection.table())
        drawn[name] = projection.drawn()
    (tables / "drawn.json").write_text(json.dumps(drawn, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
