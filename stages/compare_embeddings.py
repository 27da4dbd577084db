"""compare_embeddings: the models of word vectors against one another."""

from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import load_trainings
from wordlab.evaluation.comparison.comparison import overview
from wordlab.evaluation.vectors.scores import Trained
from wordlab.evaluation.vectors.similarity import SparseSpace
from wordlab.pipeline import stage

VECTORS = ("cbow", "skipgram", "glove", "ppmi_svd")


def main(run: stage.Stage) -> None:
    models: dict[str, Trained] = {name: load_trainings(run.input(name)) for name in VECTORS}
    ppmi = PpmiModel.load(run.input("ppmi"))
    models["ppmi"] = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    found = overview(
        models, ppmi, run.params.evaluation, run.params.comparison, seed=run.params.seed
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
