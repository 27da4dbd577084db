"""study_cells: every kind of cell with as many weights as the others."""

from wordlab.pipeline import stage
from wordlab.studies.cells import study
from wordlab.studies.text import Text


def main(run: stage.Stage) -> None:
    params = run.params.cell_study
    networks = run.params.language_model
    found = study(
        {cell: getattr(networks, cell) for cell in params.rates},
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
