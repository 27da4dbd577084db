"""study_gradients: where gradients vanish or explode, and what can be done about it."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.params.language import CELLS
from wordlab.pipeline import stage
from wordlab.recurrent.batches import language_ids
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients.jobs import Texts
from wordlab.studies.gradients.study import study


def main(run: stage.Stage) -> None:
    models = {cell: LanguageModel.load(run.input(f"lm_{cell}")) for cell in CELLS}
    known = models["gru"].vocabulary
    train_ids, valid_ids = (
        language_ids(EncodedCorpus.load(run.input("corpus") / split), known)
        for split in ("train", "valid")
    )
    found = study(
        models,
        Texts(train_ids, valid_ids),
        run.params.gradient_study,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
