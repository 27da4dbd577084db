"""study_regularisation: what holds networks back from learning a small text by heart."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.recurrent.batches import language_ids
from wordlab.studies.regularisation import Text, study


def main(run: stage.Stage) -> None:
    params = run.params.regularisation_study
    networks = run.params.language_model
    known = Vocabulary.load(run.input("vocabulary")).truncated(params.vocabulary_size)
    splits = {
        split: EncodedCorpus.load(run.input("corpus") / split)
        for split in ("train", "valid", "test")
    }
    train_ids = language_ids(splits["train"], known)[: params.train_tokens]
    valid_ids, test_ids = (
        language_ids(splits[split].shortened(size), known)
        for split, size in (("valid", params.valid_tokens), ("test", params.test_tokens))
    )
    found = study(
        {cell: getattr(networks, cell) for cell in params.cells},
        Text(train_ids, valid_ids, test_ids, known),
        params,
        orders=run.params.language_evaluation.ngram_orders.word,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
