"""report: every result and figure on one page."""

from wordlab import report
from wordlab.artifacts import read_json
from wordlab.parallel import side_by_side
from wordlab.pipeline import stage
from wordlab.report.figures import catalogue
from wordlab.report.headline import embedding_headline, language_headline
from wordlab.report.results import Results


def main(run: stage.Stage) -> None:
    results = Results(run.input("metrics").parent, run.params)
    names = catalogue.names()
    written = dict(side_by_side(catalogue.write, names, results, run.output("figures")))
    drawn = {name: written[i] for i, name in enumerate(names)}
    page = report.build(
        results.metrics, drawn, run.params.model_dump(), read_json(run.input("samples"))
    )
    run.output("report").write_text(page, encoding="utf-8")
    run.recorder.text(page, "report.html")
    run.recorder.parent_metrics(
        embedding_headline(results.metrics["embeddings"])
        | language_headline(results.metrics["language_models"])
    )


if __name__ == "__main__":
    stage.run(main)
