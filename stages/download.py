"""download: the documents of a source, and where they are from."""

from wordlab import paths
from wordlab.artifacts import write_json
from wordlab.pipeline import stage
from wordlab.text import documents, sources


def main(run: stage.Stage) -> None:
    source = sources.find(run.params.corpus, paths.root())
    size = documents.write(run.output("documents"), source.documents(), splits=bool(source.splits))
    write_json(run.output("provenance"), {**source.provenance(), **size})
    run.recorder.metrics(size)
    if source.notes.left_out:
        print(f"left out: {documents.counts(source.notes.left_out)}")


if __name__ == "__main__":
    stage.run(main)
