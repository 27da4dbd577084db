"""build_vocab: the vocabulary of the training split, and every split encoded by it."""

from wordlab import stage
from wordlab.text import encoding
from wordlab.text.splits import SPLITS
from wordlab.text.vocabulary import Vocabulary


def main(run: stage.Stage) -> None:
    params, splits = run.params.vocabulary, run.input("splits")
    counts, different = encoding.count_words(splits / "train.txt", params.min_count)
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, max_size=params.max_size)
    vocabulary.save(run.output("vocabulary"))
    metrics: dict[str, object] = {"words": len(vocabulary), "different_words": different}
    for name in SPLITS:
        place = run.output("corpus") / name
        corpus = encoding.encode(splits / f"{name}.txt", vocabulary, place)
        metrics[name] = encoding.summary(corpus)
    run.metrics(metrics)


if __name__ == "__main__":
    stage.run(main, inputs=["splits"], outputs=["vocabulary", "corpus", "metrics"])
