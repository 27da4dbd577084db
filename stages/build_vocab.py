"""build_vocab: the vocabulary of the training split, and every split encoded by it."""

from wordlab.corpus.corpus import SPLITS
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.pipeline import stage
from wordlab.text import counting


def main(run: stage.Stage) -> None:
    params, splits = run.params.vocabulary, run.input("splits")
    tally = counting.count_words(splits / "train.txt", params.min_count)
    vocabulary = Vocabulary.build(tally.table, min_count=params.min_count, max_size=params.max_size)
    vocabulary.save(run.output("processed/vocabulary"))
    metrics: dict[str, object] = {"words": len(vocabulary), "different_words": tally.different}
    for name in SPLITS:
        place = run.output("corpus") / name
        metrics[name] = counting.encode(splits / f"{name}.txt", vocabulary, place)
    run.metrics(metrics)


if __name__ == "__main__":
    stage.run(main)
