"""train_lm: a word language model on recurrent cells of one kind."""

from pathlib import Path

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.pipeline import stage
from wordlab.recurrent import batches, language_model, training


def main(run: stage.Stage) -> None:
    params, seed = getattr(run.params.language_model, run.item), run.params.seed
    run.settings(run.item, params.model_dump())
    words = run.input(Path(run.params.language_model.words).stem)
    vectors = Vectors.load(words) if words.is_dir() else None
    vocabulary = Vocabulary.load(words) if vectors is None else vectors.vocabulary
    train, valid = (EncodedCorpus.load(run.input("corpus") / split) for split in ("train", "valid"))
    known = vocabulary.truncated(run.params.language_model.vocabulary_size)
    model = language_model.LanguageModel(params, known, level="word", seed=seed)
    if vectors is not None:
        language_model.start_from(model, vectors.matrix, source=str(words))
    record = training.train(
        model,
        batches.language_ids(train, known),
        batches.language_ids(valid, known),
        params,
        seed=seed,
        rate_name=f"language_model.{run.item}.rate",
        document_starts=(batches.document_starts(train), batches.document_starts(valid)),
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    model.save(run.output("models"))
    run.curve("epoch")
    run.metrics({**language_model.description(model), **record.summary()})


if __name__ == "__main__":
    stage.run(main)
