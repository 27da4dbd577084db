"""study_gradients: how far gradients reach back in trained networks, and what clipping changes."""

from wordlab import stage
from wordlab.recurrent.batching import language_ids
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients import study
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

CELLS = ("rnn", "lstm", "gru")


def main(run: stage.Stage) -> None:
    models = {cell: LanguageModel.load(run.input(cell)) for cell in CELLS}
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    train_ids, valid_ids = (
        language_ids(
            EncodedCorpus.load(run.input("corpus") / split),
            vocabulary,
            len(models["gru"].vocabulary),
        )
        for split in ("train", "valid")
    )
    found = study(
        models,
        train_ids,
        valid_ids,
        run.params.gradient_study,
        seed=run.params.seed,
        torch_threads=run.params.torch_threads,
        on_trial=run.on_trial,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=[*CELLS, "vocabulary", "corpus"], outputs=["tables", "metrics"])
