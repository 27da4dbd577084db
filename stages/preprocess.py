"""preprocess: documents to normalised sentences, in the splits of the source or drawn ones."""

from wordlab.pipeline import stage
from wordlab.text import documents, preprocess


def main(run: stage.Stage) -> None:
    params, path = run.params.preprocess, run.input("documents")
    splits = documents.splits(path)
    if splits is None:
        splits = preprocess.assign(documents.lengths(path), params.splits, run.params.seed)
    summary = preprocess.write_splits(documents.batches(path), splits, run.output("splits"), params)
    run.metrics(summary)
    if hint := preprocess.hint(next(documents.batches(path)), params):
        print(hint)


if __name__ == "__main__":
    stage.run(main)
