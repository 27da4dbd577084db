"""train_lm: a word language model on recurrent cells of one kind."""

from wordlab import stage
from wordlab.embeddings.vectors import Vectors
from wordlab.recurrent import batching, language_model, training
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params, seed = getattr(run.params.language_model, run.item), run.params.seed
    run.settings(run.item, params.model_dump())
    words = run.input("words")
    vectors = Vectors.load(words) if words.is_dir() else None
    vocabulary = Vocabulary.load(words) if vectors is None else vectors.vocabulary
    train, valid = (EncodedCorpus.load(run.input("corpus") / split) for split in ("train", "valid"))
    known = vocabulary.truncated(run.params.language_model.vocabulary_size)
    model = language_model.build(params, known, level="word", seed=seed)
    if vectors is not None:
        language_model.start_from(model, vectors.matrix, source=str(words))
    record = training.train(
        model,
        batching.language_ids(train, known),
        batching.language_ids(valid, known),
        params,
        seed=seed,
        torch_threads=run.params.torch_threads,
        section=f"language_model.{run.item}",
        document_starts=(batching.document_starts(train), batching.document_starts(valid)),
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    model.save(run.output("model"))
    run.curve("epoch")
    run.metrics({**language_model.description(model), **record.summary()})


if __name__ == "__main__":
    stage.run(main, inputs=["words", "corpus"], outputs=["model", "curve", "metrics"])
