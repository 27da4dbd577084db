"""train_ppmi: positive pointwise mutual information, and vectors by its truncated SVD."""

from wordlab import rng, stage
from wordlab.embeddings import ppmi, sparse
from wordlab.embeddings.cooccurrence import Counts
from wordlab.embeddings.vectors import save_trainings


def main(run: stage.Stage) -> None:
    params = run.params.ppmi
    model = ppmi.ppmi(Counts.load(run.input("counts")), params)
    model.save(run.output("ppmi"))
    trainings = [
        ppmi.factorise(model.matrix, model.vocabulary, params, seed=seed)
        for seed in rng.seeds(run.params.seed, run.params.vector_seeds)
    ]
    save_trainings(run.output("vectors"), trainings)
    run.metrics(sparse.summary(model.matrix))


if __name__ == "__main__":
    stage.run(main, inputs=["counts"], outputs=["ppmi", "vectors", "metrics"])
