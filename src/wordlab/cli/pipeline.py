"""Commands on the pipeline: its inputs, its results, its experiments."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from wordlab import paths
from wordlab.cli.shared import given, require_checkout, settings
from wordlab.errors import UserError, in_one_line

app = typer.Typer()
PANEL = "The pipeline"
"""What `wordlab --help` lists these commands under."""


@app.command(rich_help_panel=PANEL)
def check(
    files: Annotated[list[Path], typer.Argument(help="Texts, sets or vectors.")],
    kind: Annotated[
        Literal["", "vectors", "pairs", "analogies", "relations", "text"],
        typer.Option("--as", help="What they are; recognised if not given."),
    ] = "",
) -> None:
    """Show how FILES would be read: format, first words, what would be left out.

    Texts are read as `corpus` in params.yaml has it. A file that would be refused gets the line
    that says why, and status 1.
    """
    from wordlab.pipeline import check

    refused = False
    for file in files:
        try:
            print("\n".join(check.check(given(file), kind)), flush=True)
        except (UserError, OSError) as error:
            print(f"wordlab: {in_one_line(error)}", file=sys.stderr)
            refused = True
    if refused:
        raise SystemExit(1)


@app.command(rich_help_panel=PANEL)
def params(
    name: Annotated[
        str,
        typer.Argument(help="A param or a section, as `glove.x_max`; all sections if not given."),
    ] = "",
) -> None:
    """Show what a param means, what it may be and what params.yaml has."""
    import textwrap

    from wordlab.params.reference import in_words, settings
    from wordlab.params.whole import PARAMS

    require_checkout()
    width = min(100, shutil.get_terminal_size().columns)
    found = settings(PARAMS, name)
    for one in found:
        nested = isinstance(one.value, dict) and any(
            isinstance(own, dict) for own in one.value.values()
        )
        head = f"{one.name}: {in_words(one.value)}" if one.allowed and not nested else one.name
        print(head if len(found) == 1 or len(head) <= width else f"{head[: width - 1]}…")
        for key, own in one.value.items() if nested else ():
            line = f"{key}: {in_words(own)}"
            print(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    "))
        for line in filter(None, (one.meaning, one.allowed)):
            print(textwrap.fill(line, width, initial_indent="    ", subsequent_indent="    "))


@app.command(rich_help_panel=PANEL)
def compile() -> None:
    """Compile the kernels of texts, word vectors and networks now, not when they first run."""
    from wordlab.pipeline import compile

    compile.compile_text()
    compile.compile_vectors(settings())
    compile.compile_networks(settings())


@app.command(rich_help_panel=PANEL)
def results(
    beside: Annotated[
        str, typer.Option(metavar="NAME", help="A run in docs/results to show beside it.")
    ] = "",
) -> None:
    """Print the results of the last run as Markdown tables."""
    from wordlab.pipeline import publish
    from wordlab.report import scored

    require_checkout()
    metrics = Path("reports/metrics")
    print(publish.beside(beside, metrics) if beside else scored.results(metrics))


@app.command(rich_help_panel=PANEL)
def plan(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages; all if not given.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set-param", "-S", help="A param to change first, as for `dvc exp run`."),
    ] = None,
) -> None:
    """Show what `dvc repro STAGES` would run, and about how long it takes and how much memory.

    The estimate is in proportion to what a stage goes over: by its last run here, or by a pass with
    the default params elsewhere. `wordlab plan $(wordlab scale hour)` shows what a scale takes.
    """
    from wordlab.pipeline import plan

    require_checkout()
    print(plan.shown(plan.planned(stages or (), changes or ())))


@app.command(rich_help_panel=PANEL)
def best(
    sweep: Annotated[
        Literal["recurrent", "word2vec", "glove", "ppmi"],
        typer.Option(help="Whose winners to print."),
    ],
    score: Annotated[
        str,
        typer.Option(help="By which score of best.csv; first set of pairs, or loss, if not given."),
    ] = "",
    model: Annotated[str, typer.Option(help="Only the winner of this model.")] = "",
) -> None:
    """Print the winners of a sweep as arguments of `dvc exp run`, one line per model.

    They hold what was searched, and what the sweep fixed that makes the network another, not how
    it trained. The scores, and where the sweep trained otherwise than the pipeline, go to standard
    error, so that $(wordlab best ...) gives the arguments alone.
    """
    from wordlab.analysis.winners import winners
    from wordlab.report import tables

    for winner in winners(Path("reports/tables"), sweep, settings(), score=score, model=model):
        for line in tables.winner(winner.model, winner.reached, winner.otherwise, winner.untried):
            print(f"# {line}", file=sys.stderr, flush=True)
        print(winner.arguments, flush=True)


@app.command(rich_help_panel=PANEL)
def experiments() -> None:
    """Show what the experiments since the last commit changed and scored, best first."""
    from wordlab.pipeline import experiments

    require_checkout()
    print(experiments.shown(experiments.read(Path())))


@app.command(rich_help_panel=PANEL)
def scale(
    name: Annotated[
        str, typer.Argument(help="A file in scales/; all are listed if not given.")
    ] = "",
) -> None:
    """Print a scale as arguments: `dvc exp run -n hour $(wordlab scale hour)` runs it."""
    from wordlab.params import scales

    require_checkout()
    if name:
        print(scales.arguments(name))
    else:
        for known, summary in scales.summaries().items():
            print(f"{known:10} {summary}")


@app.command(rich_help_panel=PANEL)
def publish(
    name: Annotated[str, typer.Argument(help="A scale; the committed runs if not given.")] = "",
) -> None:
    """Take the results of the last pass into docs/results, and write the pages made from these.

    Without a NAME, only the pages: docs/answers.md, and one for each scale that is there.
    """
    from wordlab.pipeline import publish

    require_checkout()
    if name:
        publish.take(name)
    for page in publish.write():
        print(page)


@app.command(rich_help_panel=PANEL)
def outputs() -> None:
    """List the outputs that differ from those of the committed dvc.lock."""
    from wordlab.pipeline import lockfile

    require_checkout()
    print("\n".join(lockfile.differences(Path())))


@app.command(rich_help_panel=PANEL)
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port, on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow runs on this machine only."""
    import socket

    from wordlab.pipeline import store

    require_checkout()
    database, artifacts = paths.tracking_database(), paths.tracking_artifacts()
    store.settle(database, artifacts)
    number = store.experiment(database)
    if number is None:
        raise UserError("no runs yet; `make repro` makes them")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UserError(
                f"port {port}: {error.strerror}; expected a free one, `make ui PORT={port + 1}`"
            ) from None
    server = shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow"))
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # spares eight processes
    # its own start page is the view of GenAI, which has no menu of runs
    runs = f"http://127.0.0.1:{port}/#/experiments/{number}/runs?workflowType=machine_learning"
    passes = "searchFilter=tags.%60wordlab.pass%60%20!%3D%20%22%22&compareRunsMode=CHART"
    print(f"every pass: {runs}&{passes}")
    print(f"every run:  {runs}")
    print(f"every model: {runs.replace('/runs?', '/models?')}")
    print("MLflow takes some seconds to answer; Ctrl-C ends it", flush=True)
    os.execv(
        server,
        [
            *(server, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{database}"),
            *("--artifacts-destination", artifacts.as_uri()),
        ],
    )
