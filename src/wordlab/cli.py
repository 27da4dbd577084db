"""The `wordlab` command: looking at what the pipeline made."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from wordlab.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look at what the pipeline of word vectors and language models made.",
    pretty_exceptions_enable=False,
)
MODELS = Path("data/models")
Number = Annotated[int, typer.Option("--number", "-n", min=1, help="How many to show.")]


def main() -> None:
    """Run the command; a person's mistake gets one line and status 1."""
    try:
        app()
    except UserError as error:
        print(f"wordlab: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def folder(model: str) -> Path:
    """Return the folder of a model, given as its name or as a path."""
    for path in (Path(model), MODELS / model):
        if (path / "description.json").exists() or (path / "model.json").exists():
            return path
    made = sorted(
        str(found.parent.relative_to(MODELS))
        for pattern in ("**/description.json", "**/model.json")
        for found in MODELS.glob(pattern)
    )
    hint = f"expected one of {', '.join(made)}" if made else "`make repro` trains the models"
    raise UserError(f"{model}: no such model; {hint}")


@app.command()
def neighbours(model: str, word: str, number: Number = 10) -> None:
    """Show the words nearest to WORD in the vectors of MODEL."""
    from wordlab.embeddings.vectors import Vectors

    for near, cosine in Vectors.load(folder(model)).neighbours(word, number):
        print(f"{cosine:6.3f}  {near}")


@app.command()
def outputs() -> None:
    """Say which outputs differ from those of the committed dvc.lock."""
    from wordlab import lock

    print("\n".join(lock.differences(Path())))


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Serve the MLflow runs on this machine only."""
    from wordlab import tracking

    repository = tracking.root()
    if not tracking.database(repository).exists():
        raise UserError("no runs yet; `make repro` makes them")
    server = shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow"))
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # spares eight processes
    print(f"MLflow at http://127.0.0.1:{port}, Ctrl-C ends it", flush=True)
    os.execv(
        server,
        [
            *(server, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{tracking.database(repository)}"),
            *("--artifacts-destination", tracking.artifacts(repository).as_uri()),
        ],
    )
