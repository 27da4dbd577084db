"""train_char_lm: a language model of characters."""

from wordlab import stage
from wordlab.recurrent import characters, language_model, training


def main(run: stage.Stage) -> None:
    params, seed = run.params.character_model, run.params.seed
    documents = [
        characters.read_documents(run.input("splits") / f"{split}.txt")
        for split in ("train", "valid")
    ]
    train, valid = ([line for lines in part for line in lines] for part in documents)
    alphabet = characters.alphabet(train, min_count=params.min_count)
    model = language_model.build(params, alphabet, level="character", seed=seed)
    record = training.train(
        model,
        characters.character_ids(train, alphabet),
        characters.character_ids(valid, alphabet),
        params,
        seed=seed,
        torch_threads=run.params.torch_threads,
        section="character_model",
        document_starts=(
            characters.document_starts(documents[0]),
            characters.document_starts(documents[1]),
        ),
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    model.save(run.output("model"))
    run.curve("epoch")
    run.metrics({**language_model.description(model), **record.summary()})


if __name__ == "__main__":
    stage.run(main, inputs=["splits"], outputs=["model", "curve", "metrics"])
