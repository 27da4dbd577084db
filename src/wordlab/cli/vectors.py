"""Commands on word vectors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wordlab.cli.shared import MODELS, Number, folder, given, settings
from wordlab.errors import UserError

if TYPE_CHECKING:
    from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace

app = typer.Typer()

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


def space(
    vectors: str, words: int | None, undecodable: Literal["replace", "drop"] = "replace"
) -> "DenseSpace | SparseSpace":
    """Return the words of a model or a file of vectors, the first `words` of them."""
    from wordlab.asking.words import ROWS, load
    from wordlab.embeddings import reading
    from wordlab.evaluation.vectors.similarity import DenseSpace

    place = given(vectors)
    if reading.archive_of(place):
        return DenseSpace(reading.read(place, words, undecodable))
    for place in (given(vectors), MODELS / vectors):
        if (place / ROWS).exists():
            return load(place, words)
    return load(folder(vectors, "vectors.npy"), words)


@app.command()
def neighbours(vectors: VectorsArgument, word: str, number: Number = 10) -> None:
    """Show the words nearest to WORD in VECTORS."""
    from wordlab.asking import words

    for other, cosine in words.neighbours(space(vectors, None), word, number):
        print(f"{cosine:6.3f}  {other}")


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
    from wordlab.asking import words

    for word, score in words.analogy(space(vectors, None), a, b, c, number):
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
        formats.write_projector(found.vectors, given(output))
    else:
        formats.write(found.vectors, given(output), form)
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
    place = given(output)
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
