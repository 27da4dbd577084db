"""Commands on language models."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wordlab.cli.shared import Number, apart, folder, given, made, settings
from wordlab.errors import UserError
from wordlab.library.places import LANGUAGE

if TYPE_CHECKING:
    from wordlab.library.networks import TextModel

app = typer.Typer()
PANEL = "Language models"
"""What `wordlab --help` lists these commands under."""

WEIGHTS = "model.safetensors"
CACHE: Mapping[str, Any] = {"size": 500, "flatness": 0.6, "weight": 0.1}
"""The usual cache of `generate`."""
DECODING: Mapping[str, Any] = {
    "temperature": 0.8, "top_k": None, "top_p": 1.0, "beam_width": 4,
}  # fmt: skip
"""The usual settings of the strategies of `generate`."""


def _models() -> list[str]:
    return made(WEIGHTS, LANGUAGE)


ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="A language model, by name or folder.", autocompletion=_models
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def asked_of(model: str) -> "TextModel":
    """Return a language model, given by name, with or without `lm_`, or as a folder.

    A line says so where the pipeline cut the text that its models learned from otherwise.
    """
    from wordlab.library.networks import asked_of

    return asked_of(folder(model, WEIGHTS, LANGUAGE), Path())


def text_file(path: str) -> Path:
    """Return the file that a person names; - is standard input."""
    from wordlab.asking.text import STANDARD_INPUT

    return STANDARD_INPUT if path == "-" else given(path)


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that a person gave."""
    return {name: value for name, value in options.items() if value is not None}


@app.command(rich_help_panel=PANEL)
def generate(
    prompt: Annotated[str, typer.Option(help="The beginning to complete.")] = "",
    model: ModelOption = "gru",
    length: Annotated[int, typer.Option(min=1, help="Symbols to generate.")] = 60,
    strategy: Annotated[
        Literal["sample", "greedy", "beam"], typer.Option(help="How to choose them.")
    ] = "sample",
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Below 1, likely symbols become likelier still; "
            f"{DECODING['temperature']} if not given.",
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Only from the k likeliest.")] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0.001, max=1, help="Only from the likeliest that make up probability p."),
    ] = None,
    beam_width: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Beginnings that a beam keeps, {DECODING['beam_width']} if not given.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of samples.")] = 1,
    cache: Annotated[
        bool,
        typer.Option("--cache", help="Make what came after similar states of this text likelier."),
    ] = False,
    cache_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help=f"Symbols that it looks back on, {CACHE['size']} if not given.",
        ),
    ] = None,
    cache_flatness: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1000,
            help="The higher, the more the most similar states count; "
            f"{CACHE['flatness']} if not given.",
        ),
    ] = None,
    cache_weight: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help=f"Its weight in the mixture, {CACHE['weight']} if not given."
        ),
    ] = None,
) -> None:
    """Complete PROMPT with a language model."""
    from wordlab.asking.prediction import beginning
    from wordlab.evaluation.language import generation
    from wordlab.evaluation.language.cache import NeuralCache
    from wordlab.library.settings import decoding
    from wordlab.params.language import DecodingParams
    from wordlab.recurrent.devices import threads

    of_strategy = _given(temperature=temperature, top_k=top_k, top_p=top_p, beam_width=beam_width)
    how = decoding(of_strategy, DecodingParams(strategy=strategy, **DECODING))
    chosen = _given(size=cache_size, flatness=cache_flatness, weight=cache_weight)
    if chosen and not cache:
        raise UserError(f"--cache-{min(chosen)}: a setting of the cache; expected --cache too")
    asked = asked_of(model)
    begun = beginning(asked.model, prompt, asked.preprocess)
    kept = NeuralCache(**{**CACHE, **chosen}) if cache else None
    with threads():
        text = generation.generate(asked.model, begun, length, how, seed=seed, cache=kept)
    print(text)


@app.command(rich_help_panel=PANEL)
def predict(
    prompt: Annotated[str, typer.Argument(help="A beginning; a sentence's if empty.")] = "",
    model: ModelOption = "gru",
    number: Number = 10,
    as_json: AsJson = False,
) -> None:
    """Show the likeliest next words after PROMPT, or characters, with their probabilities."""
    import json
    from dataclasses import asdict

    from wordlab.asking import tables
    from wordlab.asking.prediction import predict
    from wordlab.errors import notice
    from wordlab.recurrent.devices import threads

    asked = asked_of(model)
    with threads():
        predicted = predict(asked.model, prompt, asked.preprocess, number)
    if predicted.unknown:
        notice(
            f"unknown to the model, which reads each as the unknown {asked.model.level}: "
            + ", ".join(predicted.unknown)
        )
    if as_json:
        print(json.dumps(asdict(predicted), indent=2, ensure_ascii=False))
    else:
        print(tables.predicted(predicted))


@app.command(rich_help_panel=PANEL)
def surprisal(
    file: Annotated[str, typer.Argument(help="A text of any format; - is standard input.")],
    model: ModelOption = "gru",
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the text in colours, and no table.")
    ] = None,
    streams: Annotated[
        int,
        typer.Option(
            min=1,
            help="Read FILE as so many stretches side by side, for speed; evaluate_lm reads 16.",
        ),
    ] = 1,
) -> None:
    """Print how much each token of FILE surprises a model: a table with tabs between.

    The text is cut as `preprocess` in params.yaml has it. Surprisal is in bits, and 2 to the power
    of its mean is the perplexity, which a last line on standard error has; rank 1 is what the model
    thought likeliest; </s> is the end of a sentence.
    """
    from wordlab import names
    from wordlab.asking import page
    from wordlab.asking.surprisal import HEAD, measure
    from wordlab.asking.text import documents, named
    from wordlab.recurrent.devices import threads

    place = text_file(file)
    if html is not None:
        apart(given(html), place)
    asked = asked_of(model)
    text = documents(place, settings().corpus, asked.preprocess, asked.model)
    with threads():
        measured = measure(asked.model, text, streams=streams)
    name = names.model(model.removeprefix(LANGUAGE))
    if html is not None:
        written = page.build(measured, model=name, source=Path(named(place)).name)
        try:
            given(html).parent.mkdir(parents=True, exist_ok=True)
            given(html).write_text(written, encoding="utf-8", newline="\n")
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise UserError(f"{html}: {problem}; expected a place for a page") from None
        print(f"{named(place)} to {html}")
    else:
        print("\t".join(HEAD))
        for document in measured.tokens():
            for sentence in document:
                print("\n".join(token.row for token in sentence))
        sys.stdout.flush()
    print(f"{name}: {measured.summary()}", file=sys.stderr)


@app.command(rich_help_panel=PANEL)
def score(
    pairs: Annotated[
        str,
        typer.Argument(
            help="A right and a wrong sentence per line, and the name of what they test, tabs "
            "between; or BLiMP's JSON lines; wordlab's own pairs of English if not given."
        ),
    ] = "",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A language model, by name or folder; several are compared.  [default: gru]",
            autocompletion=_models,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show in how many PAIRS a model finds the right sentence likelier than the wrong one."""
    import json

    from wordlab import names
    from wordlab.artifacts import rounded
    from wordlab.asking import tables
    from wordlab.asking.pairs import BUILT_IN, CHANCE, compare, judge, read, scores
    from wordlab.errors import notice
    from wordlab.recurrent.devices import threads

    params, judged, found = settings(), {}, {}
    confidence = params.evaluation.confidence
    read_pairs = read(text_file(pairs) if pairs else BUILT_IN)
    scored: dict[Path, str] = {}
    for name in dict.fromkeys(model or ["gru"]):
        first = scored.setdefault(folder(name, WEIGHTS, LANGUAGE).resolve(), name)
        if first != name:
            notice(f"{name}: the same model as {first}, scored once")
            continue
        asked, title = asked_of(name), names.model(name.removeprefix(LANGUAGE))
        title = name if title in judged else title
        with threads():
            judged[title] = judge(asked.model, read_pairs, asked.preprocess)
        found[title] = scores(judged[title], read_pairs, confidence)
    compared = compare(
        judged, seed=params.seed, resamples=params.evaluation.resamples, confidence=confidence
    )
    if as_json:
        metrics = {
            "chance": CHANCE,
            "confidence": confidence,
            "models": found,
            "comparisons": compared,
        }
        print(json.dumps(rounded(metrics), indent=2, ensure_ascii=False))
    else:
        print(tables.scored(found, compared, confidence))
