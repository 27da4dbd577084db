"""preprocess: documents to normalised sentences, split by document."""

import numpy as np

from wordlab import stage
from wordlab.text import documents, preprocess


def main(run: stage.Stage) -> None:
    params, path = run.params.preprocess, run.input("documents")
    lengths = np.fromiter(map(len, documents.read(path)), dtype=np.int64)
    splits = preprocess.assign(lengths, params.splits, run.params.seed)
    summary = preprocess.write_splits(documents.read(path), splits, run.output("splits"), params)
    run.metrics(summary)


if __name__ == "__main__":
    stage.run(main, inputs=["documents"], outputs=["splits", "metrics"])
