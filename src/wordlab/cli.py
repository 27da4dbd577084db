"""The `wordlab` command: looking at what the pipeline made."""

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wordlab.errors import UserError
from wordlab.params.whole import PARAMS, load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look at what the pipeline of word vectors and language models made.",
    pretty_exceptions_enable=False,
)


class Strategy(StrEnum):
    """How text is drawn from a language model."""

    sample = "sample"
    greedy = "greedy"
    beam = "beam"


MODELS = Path("data/models")
Number = Annotated[int, typer.Option("--number", "-n", min=1, help="How many to show.")]


def main() -> None:
    """Run the command; a person's mistake gets one line and status 1."""
    try:
        app()
    except UserError as error:
        print(f"wordlab: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def folder(model: str, mark: str) -> Path:
    """Return the folder of a model, given as its name or as a path; `mark` is a file it has."""
    for path in (Path(model), MODELS / model):
        if (path / mark).exists():
            return path
    made = sorted(found.parent.name for found in MODELS.glob(f"*/{mark}"))
    hint = f"expected one of {', '.join(made)}" if made else "`make repro` trains the models"
    raise UserError(f"{model}: no such model; {hint}")


@app.command()
def neighbours(model: str, word: str, number: Number = 10) -> None:
    """Show the words nearest to WORD in the vectors of MODEL."""
    from wordlab.embeddings.vectors import Vectors

    for near, cosine in Vectors.load(folder(model, "vectors.npy")).neighbours(word, number):
        print(f"{cosine:6.3f}  {near}")


@app.command()
def associations(
    word: str,
    model: Annotated[str, typer.Option(help="A PPMI model.")] = "ppmi",
    number: Number = 10,
) -> None:
    """Show the contexts most strongly associated with WORD by PPMI."""
    from wordlab.embeddings.ppmi import PpmiModel

    for context, value in PpmiModel.load(folder(model, "indptr.npy")).associations(word, number):
        print(f"{value:6.3f}  {context}")


@app.command()
def generate(
    prompt: Annotated[str, typer.Option(help="The beginning to complete.")] = "",
    model: Annotated[str, typer.Option(help="A language model.")] = "lm_lstm",
    length: Annotated[int, typer.Option(min=1, help="Symbols to draw.")] = 60,
    strategy: Annotated[Strategy, typer.Option(help="How to draw.")] = Strategy.sample,
    temperature: Annotated[float, typer.Option(min=0.01)] = 0.8,
    top_k: Annotated[int | None, typer.Option(min=1, help="Only the k likeliest.")] = None,
    top_p: Annotated[float, typer.Option(min=0.001, max=1, help="Only the likeliest, to p.")] = 1.0,
    beam_width: Annotated[int, typer.Option(min=1)] = 4,
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Let a language model complete PROMPT."""
    from wordlab.params.recurrent import DecodingParams
    from wordlab.recurrent import generation
    from wordlab.recurrent.language_model import LanguageModel

    decoding = DecodingParams(
        strategy=strategy.value,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam_width=beam_width,
    )
    language_model = LanguageModel.load(folder(model, "model.safetensors"))
    print(generation.generate(language_model, prompt, length, decoding, seed=seed))


@app.command()
def compile() -> None:
    """Compile the kernels of the word vectors, which otherwise happens when they first run."""
    from wordlab.embeddings import warming

    warming.compile_kernels(load(PARAMS))


@app.command()
def results() -> None:
    """Print the results of the last run as Markdown tables."""
    from wordlab import results

    print(results.tables(Path("reports/metrics")))


@app.command()
def outputs() -> None:
    """Say which outputs differ from those of the committed dvc.lock."""
    from wordlab import lock

    print("\n".join(lock.differences(Path())))


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Serve the MLflow runs on this machine only."""
    from wordlab import repository

    if not repository.tracking_database().exists():
        raise UserError("no runs yet; `make repro` makes them")
    server = shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow"))
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # spares eight processes
    print(f"MLflow at http://127.0.0.1:{port}, Ctrl-C ends it", flush=True)
    os.execv(
        server,
        [
            *(server, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{repository.tracking_database()}"),
            *("--artifacts-destination", repository.tracking_artifacts().as_uri()),
        ],
    )
