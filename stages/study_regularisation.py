"""study_regularisation: what holds networks back from learning a small text by heart."""

from wordlab.pipeline import stage
from wordlab.studies.regularisation.study import study
from wordlab.studies.text import Text


def main(run: stage.Stage) -> None:
    params = run.params.regularisation_study
    networks = run.params.language_model
    found = study(
        {cell: getattr(networks, cell) for cell in params.cells},
        Text.load(run.input("corpus"), run.input("vocabulary"), params),
        params,
        orders=run.params.language_evaluation.ngram_orders.word,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
