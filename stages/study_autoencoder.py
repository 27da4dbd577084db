"""study_autoencoder: short sequences into one vector and back, and what that costs in bits."""

from wordlab.corpus.corpus import SPLITS
from wordlab.pipeline import stage
from wordlab.recurrent.batches import read_lines
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.autoencoder.study import sequence_splits, study


def main(run: stage.Stage) -> None:
    params, seed = run.params.autoencoder, run.params.seed
    lines = {name: read_lines(run.input("splits") / f"{name}.txt") for name in SPLITS}
    found = study(
        sequence_splits(lines, params, seed=seed),
        LanguageModel.load(run.input("lm_char")),
        params,
        seed=seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    for name, model in found.models.items():
        model.save(run.output("models") / name.replace(" ", "_"))
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
