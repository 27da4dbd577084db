"""train_ppmi: positive pointwise mutual information, and vectors by its truncated SVD."""

from wordlab import rng
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import sparse
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.vectors import save_trainings
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    params = run.params.ppmi
    run.settings("ppmi", params.model_dump())
    model = ppmi.ppmi(Counts.load(run.input("counts")), params)
    model.save(run.output("models/ppmi"))
    trainings = [
        ppmi.factorise(model.matrix, model.vocabulary, params, seed=seed)
        for seed in rng.seeds(run.params.seed, run.params.vector_seeds)
    ]
    save_trainings(run.output("ppmi_svd"), trainings)
    run.metrics(sparse.summary(model.matrix))


if __name__ == "__main__":
    stage.run(main)
