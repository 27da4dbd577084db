"""study_regularisation: what holds networks back from learning a small text by heart."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.pipeline import stage
from wordlab.recurrent.batches import document_starts, language_ids
from wordlab.studies.regularisation.study import study
from wordlab.studies.regularisation.training import Text


def main(run: stage.Stage) -> None:
    params = run.params.regularisation_study
    networks = run.params.language_model
    known = Vocabulary.load(run.input("vocabulary")).truncated(params.vocabulary_size)
    splits = {
        split: EncodedCorpus.load(run.input("corpus") / split)
        for split in ("train", "valid", "test")
    }
    valid, test = (
        splits[split].shortened(size)
        for split, size in (("valid", params.valid_tokens), ("test", params.test_tokens))
    )
    scored = HeldOut(language_ids(test, known), document_starts(test), known.unknown, known.end)
    found = study(
        {cell: getattr(networks, cell) for cell in params.cells},
        Text(
            language_ids(splits["train"], known)[: params.train_tokens],
            language_ids(valid, known),
            scored,
            known,
        ),
        params,
        orders=run.params.language_evaluation.ngram_orders.word,
        seed=run.params.seed,
        on_trial=run.on_trial,
        checkpoint=run.checkpoint,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
