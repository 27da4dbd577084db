"""study_regularisation: what holds networks back from learning a small text by heart."""

from wordlab import stage
from wordlab.recurrent.batching import language_ids
from wordlab.studies.regularisation import Text, study
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

CELLS = ("rnn", "lstm", "gru")


def main(run: stage.Stage) -> None:
    params = getattr(run.params.regularisation_study, run.item)
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    train_ids, valid_ids = (
        language_ids(
            EncodedCorpus.load(run.input("corpus") / split), vocabulary, params.vocabulary_size
        )
        for split in ("train", "valid")
    )
    found = study(
        {cell: getattr(run.params.language_model, cell) for cell in CELLS},
        Text(train_ids, valid_ids, vocabulary.truncated(params.vocabulary_size)),
        params,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
