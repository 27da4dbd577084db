"""watch_text: the digest of a text of your own, which the next stage depends on."""

from pathlib import Path

from wordlab.artifacts import md5, write_json
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    write_json(run.output(run.item), {"md5": md5(Path(run.params.corpus.watch[run.item]))})


if __name__ == "__main__":
    stage.run(main)
