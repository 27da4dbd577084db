"""train_glove: GloVe vectors from the counts."""

from wordlab import stage
from wordlab.embeddings import glove
from wordlab.embeddings.cooccurrence import Counts


def main(run: stage.Stage) -> None:
    run.settings("glove", run.params.glove.model_dump())
    vectors = glove.train(
        Counts.load(run.input("counts")),
        run.params.glove,
        seed=run.params.seed,
        on_iteration=run.on_step,
        checkpoint=run.checkpoint,
    )
    vectors.save(run.output("vectors"))
    run.curve("iteration")


if __name__ == "__main__":
    stage.run(main, inputs=["counts"], outputs=["vectors", "curve", "metrics"])
