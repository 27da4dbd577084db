"""train_glove: GloVe vectors from the counts."""

from wordlab import progress, rng
from wordlab.embeddings import glove
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.vectors import save_trainings
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    run.settings("glove", run.params.glove.model_dump())
    counts = Counts.load(run.input("counts"))
    trainings = [
        glove.train(
            counts,
            run.params.glove,
            seed=seed,
            on_iteration=run.on_step if number == 1 else progress.ignore_step,
            checkpoint=run.checkpoint.part(number),
        )
        for number, seed in enumerate(rng.seeds(run.params.seed, run.params.vector_seeds), start=1)
    ]
    save_trainings(run.output("models"), trainings)
    run.curve("iteration")


if __name__ == "__main__":
    stage.run(main)
