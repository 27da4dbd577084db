"""Commands on word vectors."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wordlab.cli.shared import Number, apart, folder, given, settings
from wordlab.errors import UserError
from wordlab.library import places
from wordlab.library.places import NETWORK, ROWS, VECTORS

if TYPE_CHECKING:
    from wordlab.library.words import PpmiRows, WordVectors

app = typer.Typer()
PANEL = "Word vectors"
"""What `wordlab --help` lists these commands under."""

WHAT = (
    "A model of the pipeline, by name or folder, or a file of vectors in word2vec text, word2vec "
    "binary, GloVe text or fastText's .bin, packed or not, recognised as it begins."
)
VectorsArgument = Annotated[str, typer.Argument(help=WHAT)]
VectorsOption = Annotated[str, typer.Option("--vectors", "-v", help=WHAT)]
FirstWords = Annotated[
    int | None, typer.Option("--words", min=1, help="Only the first words; all if not given.")
]
LanguageOption = Annotated[
    Literal["en", "es", "de", "fr", "pt"] | None,
    typer.Option(help="Language of the sets; that of params.yaml, or all, if not given."),
]
Undecodable = Annotated[
    Literal["replace", "drop"],
    typer.Option(help="What becomes of bytes that are not UTF-8: replaced, or the word dropped."),
]


def asked_of(
    vectors: str, words: int | None = None, undecodable: Literal["replace", "drop"] = "replace"
) -> "WordVectors | PpmiRows":
    """Return the words of a model or a file of vectors, the first `words` of them."""
    from wordlab.library import opening

    return opening.words(vectors, Path(), given(Path()), words, undecodable)


@app.command(rich_help_panel=PANEL)
def neighbours(word: str, vectors: VectorsOption = "skipgram", number: Number = 10) -> None:
    """Show the words nearest to WORD, and how far that holds.

    Where the pipeline has trained the model on draws of the documents: in how many of them the word
    is among as many nearest, and the ranks that it has in most other texts of the kind.
    """
    from wordlab.asking import tables
    from wordlab.library.words import WordVectors

    found = asked_of(vectors)
    if isinstance(found, WordVectors) and found.draws is not None:
        confidence = settings().draws.confidence
        print(tables.steady(found.neighbours_over_draws(word, number, confidence), confidence))
        return
    for other, cosine in found.most_similar(word, number):
        print(f"{cosine:6.3f}  {other}")


@app.command(rich_help_panel=PANEL)
def nearer(
    word: str,
    a: str,
    b: str,
    vectors: Annotated[
        str, typer.Option("--vectors", "-v", help="skipgram or ppmi_svd, which have draws.")
    ] = "skipgram",
) -> None:
    """Show which of A and B is nearer to WORD, if the text decides it.

    It does where the difference of their cosines leaves out 0 in most other texts of the kind, as
    draws of the documents tell; `draws.confidence` in params.yaml says in how many.
    """
    from wordlab.asking import tables
    from wordlab.library.words import WordVectors

    found = asked_of(vectors)
    if not isinstance(found, WordVectors):
        raise UserError(f"{vectors}: sparse rows, of which there are no draws; try ppmi_svd")
    confidence = settings().draws.confidence
    print(tables.nearer(word, (a, b), found.nearer(word, a, b, confidence), confidence))


@app.command(rich_help_panel=PANEL)
def analogy(
    a: str,
    b: str,
    c: str,
    vectors: VectorsOption = "skipgram",
    number: Number = 5,
) -> None:
    """Show what is to C as B is to A, by 3CosAdd: `wordlab analogy england english spain`."""
    for word, score in asked_of(vectors).analogy(a, b, c, number):
        print(f"{score:6.3f}  {word}")


@app.command(rich_help_panel=PANEL)
def evaluate(
    vectors: VectorsArgument,
    words: FirstWords = None,
    language: LanguageOption = None,
    undecodable: Undecodable = "replace",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Score VECTORS on evaluation sets: those that `evaluation` in params.yaml names, fetched if
    need be, and those of its language that `wordlab sets --fetch` has fetched."""
    import json

    from wordlab.evaluation.vectors import battery
    from wordlab.evaluation.vectors.sets import NO_SETS, read_sets
    from wordlab.report import tables

    found, params = asked_of(vectors, words, undecodable), settings()
    own = language in (None, params.preprocess.language)
    rows, missing = battery.rows(
        found.space,
        params.evaluation,
        read_sets(params.evaluation) if own else NO_SETS,
        language or params.preprocess.language,
        seed=params.seed,
        extend=found.space_with,
    )
    if as_json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        print(tables.evaluated(rows))
    if missing:
        print(battery.missing_notice(missing), file=sys.stderr)


@app.command(rich_help_panel=PANEL)
def sets(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sets by name; all if not given.")
    ] = None,
    language: LanguageOption = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch those that are not here.")] = False,
) -> None:
    """List the public evaluation sets that wordlab knows by name, or fetch them.

    Which of them you may use, and for what, its licence says: read it where it is published.
    """
    from wordlab.evaluation.vectors import by_name
    from wordlab.params.sets import catalogue
    from wordlab.report import tables

    known = catalogue()
    for name in names or ():
        if name not in known:
            raise UserError(f"{name}: no such set; `wordlab sets` lists them")
        if language and known[name].language != language:
            raise UserError(
                f"{name}: a set of the language {known[name].language}; expected {language}"
            )
    chosen = [
        item
        for item in known.values()
        if item.name in (names or known) and item.language == (language or item.language)
    ]
    failed = by_name.fetch_all(chosen) if fetch else []
    here = {item.name for item in chosen if by_name.is_here(item)}
    print(tables.public_sets(chosen, here))
    for problem in failed:
        print(f"wordlab: {problem}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


@app.command(rich_help_panel=PANEL)
def export(
    model: Annotated[
        str, typer.Argument(help="Word vectors, as for `neighbours`, or a language model.")
    ],
    form: Annotated[
        Literal[
            "tensorboard",
            "word2vec_text",
            "word2vec_binary",
            "glove_text",
            "fasttext_bin",
            "huggingface",
        ],
        typer.Argument(help="The format to write.", metavar="FORMAT"),
    ],
    output: Annotated[
        Path, typer.Argument(help="A file, or a folder for tensorboard and huggingface.")
    ],
    words: FirstWords = None,
    undecodable: Undecodable = "replace",
) -> None:
    """Write MODEL in a format that other programs read.

    huggingface is a folder for its hub, with a card of what the model is and scores: all that
    `wordlab.open` needs, also of a language model. The other formats hold word vectors;
    fasttext_bin those of n-grams too, from which words never seen get theirs. word2vec_text is
    also fastText's .vec.
    """
    from wordlab.embeddings import fasttext, formats
    from wordlab.library import exporting
    from wordlab.library.words import PpmiRows

    place = given(output)
    source = places.find(model, Path(), given(Path()), places.MARKS)
    if form == "huggingface" and source and source.resolve() == place.resolve():
        raise UserError(f"{output}: the model itself; expected another folder")
    if form == "huggingface" and (network := places.find(model, Path(), given(Path()), [NETWORK])):
        if words or undecodable != "replace":
            raise UserError("--words, --undecodable: of word vectors; a language model is whole")
        exporting.export_network(network, place, Path())
        print(f"{network.name} to {output}")
        return
    found = asked_of(model, words, undecodable)
    if isinstance(found, PpmiRows):
        raise UserError(f"{model}: sparse rows, which these formats do not hold; try ppmi_svd")
    if form == "huggingface":
        whole = None if words else places.find(model, Path(), given(Path()), [VECTORS])
        exporting.export_vectors(found.vectors, model, whole, place, Path())
    elif form == "tensorboard":
        formats.write_projector(found.vectors, place)
    elif form == "fasttext_bin":
        fasttext.write(found.vectors, found.subwords, place)
    else:
        formats.write(found.vectors, place, form)
    print(f"{len(found):,} words to {output}")


@app.command(rich_help_panel=PANEL)
def explore(
    vectors: Annotated[list[str], typer.Argument(help="Models or files, as for `evaluate`.")],
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("explore.html"),
    words: FirstWords = None,
) -> None:
    """Write a page to ask VECTORS on that opens offline: neighbours, analogies, a map."""
    from wordlab import explorer
    from wordlab.evaluation.comparison.neighbours import project

    params = settings()
    for name in vectors:
        apart(given(output), given(Path(name)))
    spaces = {name: asked_of(name, words).space for name in vectors}
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


@app.command(rich_help_panel=PANEL)
def associations(
    word: str,
    vectors: Annotated[str, typer.Option("--vectors", "-v", help="A PPMI model.")] = "ppmi",
    number: Number = 10,
) -> None:
    """Show the contexts most strongly associated with WORD by PPMI."""
    from wordlab.embeddings.ppmi import PpmiModel
    from wordlab.library.words import PpmiRows

    found = PpmiRows(vectors, PpmiModel.load(folder(vectors, ROWS)))
    for context, value in found.associations(word, number):
        print(f"{value:6.3f}  {context}")
