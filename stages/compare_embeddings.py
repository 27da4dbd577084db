"""compare_embeddings: the models of word vectors against one another."""

from wordlab.evaluation import models
from wordlab.evaluation.comparison.comparison import overview
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    trained, ppmi = models.load(run.input)
    found = overview(
        trained, ppmi, run.params.evaluation, run.params.comparison, seed=run.params.seed
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
