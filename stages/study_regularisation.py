"""study_regularisation: what holds networks back from learning a small text by heart."""

from wordlab import stage
from wordlab.recurrent.batching import language_ids
from wordlab.studies.regularisation import Text, study
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

CELLS = ("rnn", "lstm", "gru")


def main(run: stage.Stage) -> None:
    params = getattr(run.params.regularisation_study, run.item)
    networks = run.params.language_model
    known = Vocabulary.load(run.input("vocabulary")).truncated(networks.vocabulary_size)
    train_ids, valid_ids = (
        language_ids(EncodedCorpus.load(run.input("corpus") / split), known)
        for split in ("train", "valid")
    )
    found = study(
        {cell: getattr(networks, cell) for cell in CELLS},
        Text(train_ids, valid_ids, known),
        params,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.findings(found)


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["tables", "metrics"])
