"""train_lm: a word language model on recurrent cells of one kind."""

from wordlab import stage
from wordlab.recurrent import batching, language_model, training
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params, seed = getattr(run.params.language_model, run.item), run.params.seed
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    train_ids, valid_ids = (
        batching.language_ids(
            EncodedCorpus.load(run.input("corpus") / split), vocabulary, params.vocabulary_size
        )
        for split in ("train", "valid")
    )
    known = vocabulary.truncated(params.vocabulary_size)
    model = language_model.build(params, known, level="word", seed=seed)
    record = training.train(
        model,
        train_ids,
        valid_ids,
        params,
        seed=seed,
        torch_threads=run.params.torch_threads,
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    model.save(run.output("model"))
    run.curve("epoch")
    run.metrics({**language_model.description(model), **record.summary()})


if __name__ == "__main__":
    stage.run(main, inputs=["vocabulary", "corpus"], outputs=["model", "curve", "metrics"])
