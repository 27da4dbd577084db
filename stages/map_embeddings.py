"""map_embeddings: the commonest words of every model in the plane, for the figure and the page."""

import json

from wordlab.artifacts import write_table
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison.neighbours import project
from wordlab.evaluation.vectors.similarity import DenseSpace, Space, SparseSpace
from wordlab.pipeline import stage

VECTORS = ("skipgram", "cbow", "glove", "ppmi_svd")


def main(run: stage.Stage) -> None:
    ppmi = PpmiModel.load(run.input("ppmi"))
    spaces: dict[str, Space] = {name: DenseSpace(Vectors.load(run.input(name))) for name in VECTORS}
    spaces["ppmi"] = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    tables, drawn = run.output("tables"), {}
    for name, space in spaces.items():
        projection = project(space, run.params.word_map, seed=run.params.seed)
        write_table(tables / f"{name}.csv", projection.table())
        drawn[name] = projection.drawn()
    (tables / "drawn.json").write_text(json.dumps(drawn, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
