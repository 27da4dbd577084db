"""The `wordlab` command: look at what the pipeline made. Heavy imports wait for their command."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wordlab import paths
from wordlab.errors import UserError, in_one_line

if TYPE_CHECKING:
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
    from wordlab.params.whole import Params

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


MODELS = Path("data/models")
_start = Path()
"""The folder that the command was given in, which a person's paths are seen from."""

Number = Annotated[int, typer.Option("--number", "-n", min=1, help="How many to show.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"wordlab {version('wordlab')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]
VectorsArgument = Annotated[
    str,
    typer.Argument(
        help="A model of the pipeline, by name or folder, or a file of vectors in word2vec text, "
        "word2vec binary or GloVe text, packed or not, recognised by its first lines."
    ),
]
FirstWords = Annotated[
    int | None, typer.Option("--words", min=1, help="Only the first words; all if not given.")
]
Undecodable = Annotated[
    Literal["replace", "drop"],
    typer.Option(help="What becomes of bytes that are not UTF-8: replaced, or the word dropped."),
]


def main() -> None:
    """Run the command, from any folder of the checkout; a mistake gets one line and status 1."""
    global _start
    try:
        _start = paths.enter_checkout()
        app(prog_name="wordlab")
    except (UserError, OSError) as error:
        print(f"wordlab: {in_one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None


@app.callback()
def whole(version: VersionOption = False) -> None:
    """Look at what the pipeline of word vectors and language models made."""


def settings() -> "Params":
    """Return what params.yaml holds; loaded here, so that `--help` is quick."""
    from wordlab.params.whole import PARAMS, load

    return load(PARAMS)


def folder(model: str, mark: str) -> Path:
    """Return the folder of a model, given by name or as a path; `mark` is a file in it."""
    for path in (_start / model, MODELS / model):
        if (path / mark).exists():
            return path
    made = sorted(found.parent.name for found in MODELS.glob(f"*/{mark}"))
    hint = f"expected one of {', '.join(made)}" if made else "`make repro` trains the models"
    raise UserError(f"{model}: no such model; {hint}")


def space(
    vectors: str, words: int | None, undecodable: Literal["replace", "drop"] = "replace"
) -> "DenseSpace | SparseSpace":
    """Return the words of a model or a file of vectors, the first `words` of them."""
    from wordlab.embeddings import reading
    from wordlab.embeddings.ppmi import PpmiModel
    from wordlab.embeddings.vectors import Vectors
    from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace

    place = _start / vectors
    if reading.archive_of(place):
        return DenseSpace(reading.read(place, words, undecodable))
    for place in (_start / vectors, MODELS / vectors):
        if (place / "indptr.npy").exists():
            ppmi = PpmiModel.load(place)
            return SparseSpace(
                ppmi.vocabulary.truncated(words or len(ppmi.vocabulary)), ppmi.matrix[:words]
            )
    found = Vectors.load(folder(vectors, "vectors.npy"))
    if words is not None:
        found = Vectors(found.vocabulary.truncated(words), found.matrix[:words], found.description)
    return DenseSpace(found)


def row(vocabulary: "Vocabulary", word: str) -> int:
    """Return the id of a word that a person asks for, in lower case where only that is known."""
    return vocabulary.known_id(vocabulary.spelling(word))


@app.command()
def neighbours(vectors: VectorsArgument, word: str, number: Number = 10) -> None:
    """Show the words nearest to WORD in VECTORS."""
    import numpy as np

    from wordlab.evaluation.comparison.neighbours import nearest

    found = space(vectors, None)
    (near,), (cosines,) = nearest(found, np.array([row(found.vocabulary, word)]), number)
    for other, cosine in zip(near, cosines, strict=True):
        print(f"{cosine:6.3f}  {found.vocabulary.words[other]}")


@app.command()
def analogy(
    a: str,
    b: str,
    c: str,
    vectors: Annotated[str, typer.Option(help="A model or a file, as for `neighbours`.")] = (
        "skipgram"
    ),
    number: Number = 5,
) -> None:
    """Show what is to C as B is to A, by 3CosAdd: `wordlab analogy man king woman`."""
    from wordlab.evaluation.vectors.analogy import answers
    from wordlab.evaluation.vectors.similarity import Lookup

    found = space(vectors, None)
    asked = (row(found.vocabulary, a), row(found.vocabulary, b), row(found.vocabulary, c))
    for word, score in answers(found, asked, Lookup(found.vocabulary, ignore_case=True), number):
        print(f"{score:6.3f}  {word}")


@app.command()
def evaluate(
    vectors: VectorsArgument,
    words: FirstWords = None,
    undecodable: Undecodable = "replace",
    as_json: Annotated[bool, typer.Option("--json", help="Print all scores as JSON.")] = False,
) -> None:
    """Score VECTORS on the sets that `evaluation` in params.yaml names, as the pipeline does."""
    import json

    from wordlab.evaluation.vectors import scores
    from wordlab.report import tables

    found, params = space(vectors, words, undecodable), settings()
    metrics = scores.evaluate(found, params.evaluation, seed=params.seed).metrics()
    print(json.dumps(metrics, indent=2) if as_json else tables.scores(metrics))


@app.command()
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
            print("\n".join(check.check(_start / file, kind)), flush=True)
        except UserError as error:
            print(f"wordlab: {error}", file=sys.stderr)
            refused = True
    if refused:
        raise SystemExit(1)


@app.command()
def export(
    vectors: VectorsArgument,
    form: Annotated[
        Literal["tensorboard", "word2vec_text", "word2vec_binary", "glove_text"],
        typer.Argument(help="The format to write.", metavar="FORMAT"),
    ],
    output: Annotated[Path, typer.Argument(help="A file, or a folder for tensorboard.")],
    words: FirstWords = None,
    undecodable: Undecodable = "replace",
) -> None:
    """Write VECTORS in a format that other programs read."""
    from wordlab.embeddings import formats
    from wordlab.evaluation.vectors.similarity import DenseSpace

    found = space(vectors, words, undecodable)
    if not isinstance(found, DenseSpace):
        raise UserError(f"{vectors}: sparse rows, which these formats do not hold; try ppmi_svd")
    if form == "tensorboard":
        formats.write_projector(found.vectors, _start / output)
    else:
        formats.write(found.vectors, _start / output, form)
    print(f"{len(found.vocabulary):,} words to {output}")


@app.command()
def explore(
    vectors: Annotated[list[str], typer.Argument(help="Models or files, as for `evaluate`.")],
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("explore.html"),
    words: FirstWords = None,
) -> None:
    """Write a page to ask VECTORS on that opens offline: neighbours, analogies, a map."""
    from wordlab import explorer
    from wordlab.evaluation.comparison.neighbours import project

    params = settings()
    spaces = {name: space(name, words) for name in vectors}
    maps = {
        name: project(each, params.word_map, seed=params.seed).drawn()
        for name, each in spaces.items()
    }
    named = params.comparison.words
    page = explorer.build(spaces, maps, params.explorer, params.preprocess, named=named)
    place = _start / output
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(page, encoding="utf-8", newline="\n")
    print(f"{', '.join(vectors)} to {output}")


@app.command()
def associations(
    word: str,
    model: Annotated[str, typer.Option(help="A PPMI model.")] = "ppmi",
    number: Number = 10,
) -> None:
    """Show the contexts most strongly associated with WORD by PPMI."""
    from wordlab.embeddings.ppmi import PpmiModel

    found = PpmiModel.load(folder(model, "indptr.npy"))
    for context, value in found.associations(found.vocabulary.spelling(word), number):
        print(f"{value:6.3f}  {context}")


@app.command()
def generate(
    prompt: Annotated[str, typer.Option(help="The beginning to complete.")] = "",
    model: Annotated[str, typer.Option(help="A language model.")] = "lm_lstm",
    length: Annotated[int, typer.Option(min=1, help="Symbols to generate.")] = 60,
    strategy: Annotated[
        Literal["sample", "greedy", "beam"], typer.Option(help="How to choose them.")
    ] = "sample",
    temperature: Annotated[float, typer.Option(min=0.01)] = 0.8,
    top_k: Annotated[int | None, typer.Option(min=1, help="Only from the k likeliest.")] = None,
    top_p: Annotated[float, typer.Option(min=0.001, max=1, help="Only the likeliest, to p.")] = 1.0,
    beam_width: Annotated[int, typer.Option(min=1)] = 4,
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Complete PROMPT with a language model."""
    from wordlab.evaluation.language import generation
    from wordlab.params.language import DecodingParams
    from wordlab.recurrent.language_model import LanguageModel

    decoding = DecodingParams(
        strategy=strategy,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam_width=beam_width,
    )
    language_model = LanguageModel.load(folder(model, "model.safetensors"))
    print(generation.generate(language_model, prompt, length, decoding, seed=seed))


@app.command()
def compile() -> None:
    """Compile the kernels of texts and word vectors now, not when they first run."""
    from wordlab.pipeline import compile

    compile.compile_text()
    compile.compile_vectors(settings())


@app.command()
def results() -> None:
    """Print the results of the last run as Markdown tables."""
    from wordlab.report import tables

    print(tables.results(Path("reports/metrics")))


@app.command()
def best(
    sweep: Annotated[
        Literal["recurrent", "word2vec", "glove"], typer.Option(help="Whose winners to print.")
    ],
    score: Annotated[
        str,
        typer.Option(help="By which score of best.csv; the first set of word pairs, or the loss."),
    ] = "",
    model: Annotated[str, typer.Option(help="Only the winner of this model.")] = "",
) -> None:
    """Print the winners of a sweep as arguments of `dvc exp run`, one line per model.

    They hold what was searched, not what was fixed for the sweep alone. The scores, and where the
    sweep trained otherwise than the pipeline, go to standard error, so that $(wordlab best ...)
    gives the arguments alone.
    """
    from wordlab.analysis.winners import winners
    from wordlab.report import tables

    for winner in winners(Path("reports/tables"), sweep, settings(), score=score, model=model):
        for line in tables.winner(winner.model, winner.reached, winner.otherwise, winner.untried):
            print(f"# {line}", file=sys.stderr, flush=True)
        print(winner.arguments, flush=True)


@app.command()
def experiments() -> None:
    """Show what the experiments since the last commit changed and scored, best first."""
    from wordlab.pipeline import experiments

    print(experiments.shown(experiments.read(Path())))


@app.command()
def scale(
    name: Annotated[
        str, typer.Argument(help="A file in scales/; all are listed if not given.")
    ] = "",
) -> None:
    """Print a scale as arguments: `dvc exp run -n hour $(wordlab scale hour)` runs it."""
    from wordlab.params import scales

    if name:
        print(scales.arguments(name))
    else:
        for known, summary in scales.summaries().items():
            print(f"{known:10} {summary}")


@app.command()
def outputs() -> None:
    """List the outputs that differ from those of the committed dvc.lock."""
    from wordlab.pipeline import lockfile

    print("\n".join(lockfile.differences(Path())))


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Serve the MLflow runs on this machine only."""
    import socket

    from wordlab.pipeline import store

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
    print(f"every pass: {runs}&searchFilter=tags.%60wordlab.pass%60%20!%3D%20%22%22")
    print(f"every run:  {runs}")
    print("MLflow takes some seconds to answer; Ctrl-C ends it", flush=True)
    os.execv(
        server,
        [
            *(server, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{database}"),
            *("--artifacts-destination", artifacts.as_uri()),
        ],
    )
