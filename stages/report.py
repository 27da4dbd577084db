"""report: every result and figure on one page."""

from wordlab.artifacts import read_json, read_text
from wordlab.parallel import side_by_side
from wordlab.pipeline import stage
from wordlab.report import scored
from wordlab.report.figures import FIGURES, write
from wordlab.report.findings import answers, every
from wordlab.report.page import build
from wordlab.report.results import Results


def main(run: stage.Stage) -> None:
    results = Results(run.input("metrics").parent, run.params)
    names = list(FIGURES)
    written = dict(side_by_side(write, names, results, run.output("figures")))
    page = build(
        results.metrics,
        {name: written[i] for i, name in enumerate(names)},
        run.params.model_dump(),
        read_json(run.input("samples")),
        every(results),
        answers(results),
        read_text(run.input("splits") / "test.txt").splitlines(),
    )
    run.output("report").write_text(page, encoding="utf-8", newline="\n")
    run.recorder.text(page, "report.html")
    for headline in sorted(run.input("headline").glob("*.json")):
        run.recorder.parent_metrics(read_json(headline))
    run.recorder.parent_note(scored.results(run.input("metrics")))


if __name__ == "__main__":
    stage.run(main)
