"""build_vocab: the vocabulary of the training split, and every split encoded by it."""

from wordlab import stage
from wordlab.text import encoding
from wordlab.text.splits import SPLITS
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params = run.params.vocabulary
    texts = {name: encoding.number(run.input("splits") / f"{name}.txt") for name in SPLITS}
    counts = texts["train"].counts()
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, max_size=params.max_size)
    vocabulary.save(run.output("vocabulary"))
    metrics: dict[str, object] = {"words": len(vocabulary), "different_words": len(counts)}
    for name, text in texts.items():
        corpus = text.encoded(vocabulary)
        corpus.save(run.output("corpus") / name)
        metrics[name] = encoding.summary(corpus)
    run.metrics(metrics)


if __name__ == "__main__":
    stage.run(main, inputs=["splits"], outputs=["vocabulary", "corpus", "metrics"])
