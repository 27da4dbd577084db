"""study_gradients: where gradients vanish or explode, and what can be done about it."""

from wordlab import stage
from wordlab.recurrent.batching import language_ids
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradient_lags import Texts
from wordlab.studies.gradients import study
from wordlab.text.corpus import EncodedCorpus

CELLS = ("rnn", "lstm", "gru")


def main(run: stage.Stage) -> None:
    models = {cell: LanguageModel.load(run.input(cell)) for cell in CELLS}
    known = models["gru"].vocabulary
    train_ids, valid_ids = (
        language_ids(EncodedCorpus.load(run.input("corpus") / split), known)
        for split in ("train", "valid")
    )
    found = study(
        models,
        Texts(train_ids, valid_ids),
        getattr(run.params.gradient_study, run.item),
        seed=run.params.seed,
        torch_threads=run.params.torch_threads,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=[*CELLS, "corpus"], outputs=["tables", "metrics"])
