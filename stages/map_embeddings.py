"""map_embeddings: the commonest words of every model in the plane, to be looked at."""

from wordlab.artifacts import write_table
from wordlab.embeddings.ppmi.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.neighbours import project
from wordlab.evaluation.spaces import DenseSpace, Space, SparseSpace
from wordlab.names import EMBEDDINGS
from wordlab.pipeline import stage
from wordlab.report.map import page

VECTORS = ("skipgram", "cbow", "glove", "ppmi_svd")


def main(run: stage.Stage) -> None:
    ppmi = PpmiModel.load(run.input("ppmi"))
    spaces: dict[str, Space] = {name: DenseSpace(Vectors.load(run.input(name))) for name in VECTORS}
    spaces["ppmi"] = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    laid_out = {
        name: project(space, run.params.word_map, seed=run.params.seed)
        for name, space in spaces.items()
    }
    for name, projection in laid_out.items():
        write_table(run.output("tables") / f"{name}.csv", projection.table())
    html = page(laid_out, EMBEDDINGS)
    run.output("word_map").write_text(html, encoding="utf-8", newline="\n")
    run.recorder.text(html, "word_map.html")


if __name__ == "__main__":
    stage.run(main)
