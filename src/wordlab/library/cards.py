"""The card of a model: what it is, learned from, scores and cannot do, as the hub reads it."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from wordlab import names
from wordlab.library.record import Record
from wordlab.params.text import PreprocessParams
from wordlab.report.tables import number

LICENCES = {"CC BY-SA 3.0": "cc-by-sa-3.0", "CC BY-SA 4.0": "cc-by-sa-4.0"}
"""What the hub calls the licences that provenance names."""
STATED = {"origin": "text", "licence": "licence", "file": "file", "sha256": "sha256"}
TOKENS = {
    "letters": "runs of letters",
    "characters": "runs of letters, or characters of scripts without spaces",
    "words_and_punctuation": "words, numbers and marks",
    "english": "words of Latin letters with inner apostrophes",
    "spanish": "words of Latin letters",
    "whitespace": "what white space separates",
}
COMPARED = (
    "Scores hold for this text and vocabulary; compare them only with those of models scored on "
    "the same."
)
PREJUDICES = (
    "The model repeats what its text says and leaves out, prejudices included; do not decide about "
    "people by it."
)


def of_vectors(
    title: str,
    words: int,
    dimensions: int,
    preprocess: PreprocessParams | None,
    made: Record | None,
) -> str:
    """Return the card of word vectors; made: how, None where that is not known."""
    front = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["word-embeddings", "static-embeddings", "gensim", "spacy", "wordlab"],
    }
    use = (
        "import wordlab\n"
        'words = wordlab.open("FOLDER")   # this folder\n'
        'words.most_similar("WORD")\n'
        "\n"
        "from gensim.models import KeyedVectors\n"
        'KeyedVectors.load_word2vec_format("FOLDER/vectors.txt.gz")\n'
        "\n"
        "from sentence_transformers import SentenceTransformer\n"
        'SentenceTransformer("FOLDER").encode("a sentence")   # the mean of its words\n'
        "\n"
        "# spaCy: python -m spacy init vectors LANGUAGE FOLDER/vectors.txt.gz OUTPUT"
    )
    limits = [
        "A word has one vector, whatever its sense. A word outside the vocabulary has none: in a "
        "sentence it counts as zeros.",
        *([] if made is None or made.trainings == 1 else [
            f"Scores are means over {made.trainings} trainings that differ in their seed; this "
            f"is the one of seed {made.seed}."
        ]),
    ]  # fmt: skip
    scored = () if made is None else _similarity(made.scores)
    what = f"{words:,} word vectors of {dimensions} dimensions."
    return _card(title, front, what, use, limits, preprocess, made, scored)


def of_network(
    title: str, symbols: int, level: str, parameters: int, preprocess: PreprocessParams,
    made: Record | None,
) -> str:  # fmt: skip
    """Return the card of a language model; made: how, None where that is not known."""
    front = {
        "library_name": "wordlab",
        "pipeline_tag": "text-generation",
        "tags": ["language-model", "recurrent-neural-network", "wordlab"],
    }
    use = (
        "import wordlab\n"
        'model = wordlab.open("FOLDER")   # this folder\n'
        'model.next_words("a beginning")\n'
        'model.surprisal("A text.")\n'
        'model.generate("a beginning", length=30)'
    )
    limits = [
        f"It knows {symbols:,} {level}s; all others are one symbol, which it predicts but never "
        "writes.",
        "What it writes is likely, not true.",
    ]
    scored = () if made is None else _predictions(made.scores, made.name)
    what = (
        f"A recurrent language model of {level}s: {symbols:,} {level}s, {parameters:,} parameters."
    )
    return _card(title, front, what, use, limits, preprocess, made, scored)


class Scored(dict[str, Any]):
    """A score: what it is `of`, its `measure`, `type` for the hub, `value`, `low`, `high`, `n`."""


def _similarity(scores: Mapping[str, Any]) -> Iterable[Scored]:
    """Yield the scores of word vectors, the analogies by the first method."""
    for name, found in scores.items():
        if name != "analogy":
            yield Scored(
                of=names.similarity(name), set=name, measure="Spearman's rho", type="spearmanr",
                value=found["spearman"], low=found["low"], high=found["high"],
                n=f"{found['n']:,} of {found['pairs']:,} pairs",
            )  # fmt: skip
        else:
            method = next(key for key, one in found.items() if isinstance(one, Mapping))
            own = found[method]
            yield Scored(
                of="analogies", set="analogies", measure=f"accuracy, {names.METHODS[method]}",
                type="accuracy", value=own["total"], low=own["low"], high=own["high"],
                n=f"{found['n']:,} of {found['questions']:,} questions",
            )  # fmt: skip


def _predictions(scores: Mapping[str, Any], name: str) -> Iterable[Scored]:
    """Yield the scores of a language model on the test split."""
    for key, measure, prefix in (
        ("perplexity", "perplexity", ""),
        ("ratio", "perplexity, as a ratio to Kneser-Ney n-grams", "ratio_"),
        ("top_1", "top-1 accuracy", "top_1_"),
        ("top_5", "top-5 accuracy", "top_5_"),
    ):
        if key in scores:
            yield Scored(
                of="test split", set="test-split", measure=measure, type=key,
                value=scores[key], low=scores.get(f"{prefix}low"), high=scores.get(f"{prefix}high"),
                n=f"{scores['symbols']:,} symbols of {scores['documents']:,} documents",
            )  # fmt: skip


def _card(
    title: str,
    front: Mapping[str, Any],
    what: str,
    use: str,
    limits: Sequence[str],
    preprocess: PreprocessParams | None,
    made: Record | None,
    scored: Iterable[Scored],
) -> str:
    """Return the front matter in YAML and the sections below it in Markdown."""
    scored = [one for one in scored if one["value"] is not None]
    front = {**_licence(made), **front, **_index(title, scored)}
    unscored = "No score is known of these files: they were not scored, or changed since."
    parts = [
        f"---\n{_yaml(front)}---",
        f"# {title}",
        f"{what} By wordlab.",
        f"## Use\n\n```python\n{use}\n```",
        f"## Text\n\n{_text(preprocess, made)}",
        f"## Scores\n\n{_table(scored, made) if scored and made else unscored}",
        f"## How it was made\n\n{_how(made)}",
        "## Limits\n\n" + "\n".join(f"- {one}" for one in [*limits, PREJUDICES, COMPARED]),
    ]
    return "\n\n".join(parts) + "\n"


def _licence(made: Record | None) -> dict[str, str]:
    """Return the licence of the text, which the model gets, too, where the hub knows it."""
    licence = None if made is None else LICENCES.get(made.source.get("licence", ""))
    return {} if licence is None else {"license": licence}


def _index(title: str, scored: Sequence[Scored]) -> dict[str, Any]:
    """Return the scores as the hub lists them."""
    results = [
        {
            "task": {"type": "other", "name": one["measure"]},
            "dataset": {"type": one["set"], "name": one["of"]},
            "metrics": [{"type": one["type"], "name": one["measure"], "value": one["value"]}],
        }
        for one in scored
    ]
    return {"model-index": [{"name": title, "results": results}]} if results else {}


def _yaml(value: Mapping[str, Any]) -> str:
    written = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(dict(value), written)
    return written.getvalue()


def _table(scored: Sequence[Scored], made: Record) -> str:
    rows = [
        (one["of"], one["measure"], number(one["value"]), _interval(one), one["n"])
        for one in scored
    ]
    return _rows(("on", "measure", "score", f"{100 * made.confidence:g} % interval", "of"), rows)


def _interval(one: Scored) -> str:
    if one["low"] is None or one["high"] is None:
        return "–"
    return f"{number(one['low'])} to {number(one['high'])}"


def _text(preprocess: PreprocessParams | None, made: Record | None) -> str:
    """Return where the text is from, and how it was cut."""
    found = {} if made is None else made.source
    rows = [(title, str(found[key])) for key, title in STATED.items() if key in found]
    if "documents" in found:
        rows.append(("documents", f"{found['documents']:,}, of which the training split is a part"))
    if preprocess is not None:
        cut = TOKENS.get(preprocess.tokens, preprocess.tokens)
        rows.append(("tokens", cut + (", in lower case" if preprocess.lowercase else "")))
    return _rows(("", ""), rows) if rows else "It is not known."


def _how(made: Record | None) -> str:
    """Return the commands that make the model again, and its settings."""
    if made is None:
        return (
            "These files are not what a `dvc.lock` says that the pipeline made, so how is not "
            "known."
        )
    where = (
        f"git checkout {made.revision}"
        if made.revision
        else "# put the settings below into params.yaml: no commit has this model"
    )
    rows = [
        ("output", f"`{made.output}`"),
        ("md5 of the output", f"`{made.md5}`"),
        ("seed", str(made.seed)),
        *((f"`{name}`", f"`{value}`") for name, value in made.settings.items() if name != "seed"),
    ]
    return (
        "In a clone of wordlab:\n\n"
        f"```\n{where}\nmake .venv/.ready\n. .venv/bin/activate\ndvc repro {made.stage}\n```\n\n"
        "The same processor type gives the same bytes.\n\n" + _rows(("", ""), rows)
    )


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
