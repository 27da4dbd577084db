"""build_vocab: the vocabulary of the training split, and every split encoded by it."""

from wordlab import stage
from wordlab.text import encoding
from wordlab.text.splits import SPLITS
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params, splits = run.params.vocabulary, run.input("splits")
    counts = encoding.count_words(splits / "train.txt")
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, max_size=params.max_size)
    vocabulary.save(run.output("vocabulary"))
    metrics: dict[str, object] = {"words": len(vocabulary), "different_words": len(counts)}
    for name in SPLITS:
        corpus = encoding.encode(splits / f"{name}.txt", vocabulary)
        corpus.save(run.output("corpus") / name)
        metrics[name] = encoding.summary(corpus)
    run.metrics(metrics)


if __name__ == "__main__":
    stage.run(main, inputs=["splits"], outputs=["vocabulary", "corpus", "metrics"])
