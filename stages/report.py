"""report: every result and figure on one page, and the words in the plane on another."""

from wordlab import report
from wordlab.artifacts import read_json
from wordlab.parallel import side_by_side
from wordlab.pipeline import stage
from wordlab.report.figures import FIGURES, write
from wordlab.report.findings import answers, every
from wordlab.report.page import word_map
from wordlab.report.results import Results


def main(run: stage.Stage) -> None:
    results = Results(run.input("metrics").parent, run.params)
    names = list(FIGURES)
    written = dict(side_by_side(write, names, results, run.output("figures")))
    pages = {
        "report": report.build(
            results.metrics,
            {name: written[i] for i, name in enumerate(names)},
            run.params.model_dump(),
            read_json(run.input("samples")),
            every(results),
            answers(results),
            (run.input("splits") / "test.txt").read_text(encoding="utf-8").splitlines(),
        ),
        "word_map": word_map(read_json(results.tables / "map_embeddings" / "drawn.json")),
    }
    for name, page in pages.items():
        run.output(name).write_text(page, encoding="utf-8", newline="\n")
        run.recorder.text(page, f"{name}.html")
    for headline in sorted(run.input("headline").glob("*.json")):
        run.recorder.parent_metrics(read_json(headline))


if __name__ == "__main__":
    stage.run(main)
