"""train_char_lm: a language model of characters."""

from wordlab.pipeline import stage
from wordlab.recurrent import batches, language_model, training


def main(run: stage.Stage) -> None:
    params, seed = run.params.character_model, run.params.seed
    run.settings("char", params.model_dump())
    documents = [
        batches.read_documents(run.input("splits") / f"{split}.txt") for split in ("train", "valid")
    ]
    train, valid = ([line for lines in part for line in lines] for part in documents)
    alphabet = batches.alphabet(train, min_count=params.min_count)
    model = language_model.LanguageModel(params, alphabet, level="character", seed=seed)
    record = training.train(
        model,
        batches.character_ids(train, alphabet),
        batches.character_ids(valid, alphabet),
        params,
        seed=seed,
        rate_name="character_model.rate",
        document_starts=(
            batches.character_starts(documents[0]),
            batches.character_starts(documents[1]),
        ),
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    model.save(run.output("models"))
    run.curve("epoch")
    run.metrics({**language_model.description(model), **record.summary()})


if __name__ == "__main__":
    stage.run(main)
