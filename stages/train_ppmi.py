"""train_ppmi: positive pointwise mutual information, and vectors by its truncated SVD."""

from wordlab import stage
from wordlab.embeddings import ppmi, sparse
from wordlab.embeddings.cooccurrence import Counts


def main(run: stage.Stage) -> None:
    params = run.params.ppmi
    model = ppmi.ppmi(Counts.load(run.input("counts")), params)
    model.save(run.output("ppmi"))
    vectors = ppmi.factorise(model.matrix, model.vocabulary, params, seed=run.params.seed)
    vectors.save(run.output("vectors"))
    run.metrics(sparse.summary(model.matrix))


if __name__ == "__main__":
    stage.run(main, inputs=["counts"], outputs=["ppmi", "vectors", "metrics"])
