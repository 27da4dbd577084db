"""The page: what each section asks and shows, put through the template.

Nothing in it depends on when or where it was made: the same inputs give the same bytes.
"""

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from wordlab import names
from wordlab.errors import masked
from wordlab.params import flatten
from wordlab.params.reference import in_words
from wordlab.report.figures import FIGURES
from wordlab.report.results import UNMEASURED, Answer
from wordlab.report.tables import Table, number, percent, tables

Metrics = Mapping[str, Any]

DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that turn the direction of the text after them, beyond the word that has them."""


def _shown(value: Any) -> Any:
    return value.translate(DIRECTIONS) if type(value) is str else value


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    finalize=_shown,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Section:
    """A section of the report: a question, and where its answer comes from.

    name: its anchor; link: its name in the menu; how: how it was measured, folded away; figure: the
    one in sight; stages, metrics: beginnings of the names of those whose other figures, findings
    and numbers it has, where no section before it does; params: sections of params.yaml that shaped
    it; summary: whether its answer is in the summary.
    """

    name: str
    link: str
    question: str
    how: str
    figure: str
    stages: tuple[str, ...]
    metrics: tuple[str, ...]
    params: tuple[str, ...]
    summary: bool = False


SECTIONS = (
    Section(
        "word-vectors", "Word vectors", "Which word vectors agree best with people?",
        "Similarity is Spearman's rank correlation between the cosines of word pairs and the "
        "scores that people gave them; an analogy counts when the one right word comes first. "
        "Scores are means over trainings that differ in the seed alone, intervals draw seeds and "
        "words together. "
        "As shipped, all models have the same window; their other settings were sought with equal "
        "effort on a list of related words that shares no pair with these sets, but for subword "
        "skip-gram, which has fastText's rate. With negative sampling, "
        "word2vec distinguishes each true pair from a few random ones in place of predicting over "
        "the whole vocabulary; subsampling leaves out many occurrences of the commonest words.",
        "scores",
        ("train_word2vec", "train_ppmi", "train_glove", "evaluate_embeddings"),
        ("embeddings", "word2vec", "glove", "ppmi", "cooccurrence"),
        ("word2vec", "ppmi", "glove", "cooccurrence", "evaluation"), True,
    ),
    Section(
        "comparison", "Which to prefer", "When is PPMI, GloVe or word2vec to be preferred?",
        "The same words are looked up in every model, and the cosines of pairs in known relations "
        "compared. The models' settings were sought on the same list of relations, so contrasts "
        "with unrelated pairs are no test on unseen pairs. Memory is that of the vectors of all "
        "words, of subword skip-gram's n-grams too, of PPMI's cells above 0.",
        "relation_contrasts",
        ("compare_embeddings", "map_embeddings"), ("comparison",), ("comparison", "word_map"),
    ),
    Section(
        "stability", "Stability", "Would another text give the same neighbours?",
        "Skip-gram and PPMI-SVD are trained again on draws of the documents, as many as the text "
        "has, with replacement. From how far draws differ follows where another text of the kind "
        "and size would put a neighbour or a score: two texts differ with twice the variance of "
        "draws. Of a score, the interval over items is one of confidence in what this text gives, "
        "that of other texts a prediction of what each of them gives.",
        "steady_neighbours",
        ("study_neighbours", "draw_"), ("study_neighbours",), ("draws",),
    ),
    Section(
        "windows", "Window", "Does the window change what PPMI finds?",
        "The same text is counted with narrow and wide windows, and nothing else changes.",
        "ppmi_associations",
        ("study_windows",), ("study_windows",), ("window_study",), True,
    ),
    Section(
        "sizes", "Size", "Does more text make better word vectors?",
        "The same models are trained on shares of the text, whole documents at a time, and scored "
        "on the items that are known at every share. Intervals hold together for all changes.",
        "sizes",
        ("study_sizes",), ("study_sizes",), ("size_study",),
    ),
    Section(
        "vector-settings", "Settings of vectors",
        "Which settings of word2vec, GloVe and PPMI matter?",
        "Every combination of a few values around the pipeline's is trained on the whole text from "
        "several seeds. A setting matters where its values differ, on average over all other "
        "settings, by more than the noise of seeds and items. The rate is the learning rate; at "
        "equal epochs, skip-gram makes more updates the wider its window is.",
        "sweep_word2vec",
        (
            "sweep_word2vec", "sweep_glove", "sweep_ppmi",
            "analyse_sweep@word2vec", "analyse_sweep@glove", "analyse_sweep@ppmi",
        ),
        (
            "sweep_word2vec", "sweep_glove", "sweep_ppmi",
            "analysis_word2vec", "analysis_glove", "analysis_ppmi",
        ),
        ("sweep_word2vec", "sweep_glove", "sweep_ppmi"),
    ),
    Section(
        "language-models", "Language models", "Do recurrent networks predict better than n-grams?",
        "Perplexity is that of the test split, in which every token counts alike. Intervals draw "
        "documents, then their sentences, and are widened for so few documents; the ratio to "
        "n-grams (Kneser-Ney) is measured on the same draws. All words outside the vocabulary are "
        "one class, which is easy to predict. With a cache, or learning as it reads, a network "
        "uses what it has read of the test split so far.",
        "perplexity",
        ("train_lm", "train_char_lm", "evaluate_lm"), ("language_models", "lm_"),
        ("language_model", "character_model", "language_evaluation", "generation"), True,
    ),
    Section(
        "gradients", "Gradients", "How far back does a network learn from?",
        "The loss's gradient is followed back step by step through the trained networks; it has "
        "faded where its norm is below a small share of that at the loss. Clipping, truncation and "
        "tasks that need a memory are tried on small networks.",
        "gradient_by_lag",
        ("study_gradients",), ("study_gradients",), ("gradient_study",), True,
    ),
    Section(
        "regularisation", "Regularisation", "What keeps a network from learning a text by heart?",
        "Networks are trained on a text small enough to learn by heart, with one method at a time. "
        "Intervals are over seeds and texts; those of changes from no method hold together for a "
        "network. Weight decay is that of AdamW, which shrinks the weights in place of an L2 term "
        "in the loss.",
        "regularisation_gaps",
        ("study_regularisation",), ("study_regularisation",), ("regularisation_study",), True,
    ),
    Section(
        "cells", "Cells", "Which kind of cell predicts best for its number of weights?",
        "Hidden sizes give every network about as many weights as the others; all learn the same "
        "words from the same seeds. Adding and copying are learnt by networks of their own, with "
        "about as many weights as a GRU; a multiply-add is one of those that the layers need to "
        "read a word. Each kind has one learning rate; with another it may do better.",
        "cells",
        ("study_cells",), ("study_cells",), ("cell_study",),
    ),
    Section(
        "recurrent-settings", "Settings of networks",
        "Which settings of recurrent networks matter?",
        "Combinations of values are trained, on as much text as the settings say. A setting "
        "matters where its values differ by more than the noise of the seed, or of folds where "
        "there are several. The rate is the learning rate; the BPTT length is the number of steps "
        "that a gradient goes back.",
        "sweep_recurrent",
        ("sweep_recurrent", "analyse_sweep@recurrent"), ("sweep_recurrent", "analysis_recurrent"),
        ("sweep_recurrent",),
    ),
    Section(
        "autoencoders", "Autoencoders", "How much text fits into one vector?",
        "An encoder reads a sequence into one vector, from which a decoder writes it again. The "
        "cost is that of the vector and of correcting the errors with the decoder's own "
        "probabilities; weights are not counted. UTF-8, zlib and xz code the end of every sequence "
        "too.",
        "autoencoder_by_length",
        ("study_autoencoder",), ("study_autoencoder",), ("autoencoder",), True,
    ),
    Section("more", "More", "What else was measured?", "", "", ("",), ("",), ()),
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: a data URI, its size in pixels, and what it shows."""

    uri: str
    title: str
    caption: str
    width: int
    height: int


@dataclass
class Chapter:
    """A section of the page with what this run has for it."""

    section: Section
    answer: Answer = UNMEASURED
    picture: Picture | None = None
    """The one in sight."""
    findings: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """The titles of figures for which this text has nothing to show."""
    numbers: list[Table] = field(default_factory=list)
    settings: list[tuple[str, str]] = field(default_factory=list)
    samples: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Texts by their beginning, as (who wrote it, what follows)."""


def build(
    metrics: Metrics,
    figures: Mapping[str, Path | None],
    params: Mapping[str, Any],
    samples: Sequence[Mapping[str, str]] = (),
    findings: Mapping[str, Sequence[str]] | None = None,
    answers: Mapping[str, Answer] | None = None,
    held_out: Sequence[str] = (),
) -> str:
    """Return the report as one HTML page that needs no other file.

    metrics: what each stage measured, nested numbers by the stem of its file in reports/metrics.
    figures: PNG files by name, None where there is nothing to show. params: the whole of
    params.yaml. samples: generated texts, each with model, prompt and text. findings: sentences by
    stage; answers: by section. held_out: sentences of the test split, to be shown beside what
    models write. Metrics that no section knows are shown at the end.
    """
    chapters = {section.name: Chapter(section) for section in SECTIONS}
    for name, path in figures.items():
        entry = FIGURES[name]
        chapter = chapters[_of("stages", entry.stage).name if not entry.section else entry.section]
        title = f"{entry.title}, {names.plain(entry.item)}" if entry.item else entry.title
        if path is None:
            chapter.empty.append(title[0].lower() + title[1:])
        elif name == chapter.section.figure:
            chapter.picture = _picture(title, entry.caption, path)
        else:
            chapter.pictures.append(_picture(title, entry.caption, path))
    for stage, texts in (findings or {}).items():
        chapters[_of("stages", stage).name].findings += texts
    for section, answer in (answers or {}).items():
        chapters[section].answer = answer
    for name, found in metrics.items():
        if name not in ("preprocess", "vocabulary"):  # they are the page's beginning
            chapters[_of("metrics", name).name].numbers += tables(name, found)
    for chapter in chapters.values():
        named = [name for name in chapter.section.params if name in params]
        chapter.settings += [pair for name in named for pair in _settings(params[name], f"{name}.")]
    chapters["language-models"].samples = _by_prompt(samples, held_out)
    more = chapters.pop("more")
    return TEMPLATES.get_template("report.html").render(
        facts=_facts(metrics, params),
        splits=_splits(metrics),
        chapters=list(chapters.values()),
        undecided=[c for c in chapters.values() if not c.answer.decided],
        more=more,
        settings=_settings(params),
        confidence=percent(scored["confidence"]) if (scored := params.get("evaluation")) else "",
        of_language_models=percent(0.95),
    )


def _of(kind: str, name: str) -> Section:
    """Return the section that has the stage or the metrics `name`."""
    return next(one for one in SECTIONS if name.startswith(getattr(one, kind)))


def _settings(params: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return each param as its dotted name and its value in words."""
    return [(name, masked(in_words(value))) for name, value in flatten(params, prefix).items()]


def _picture(title: str, caption: str, path: Path) -> Picture:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])  # of the PNG's first chunk, IHDR
    uri = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return Picture(uri, title, caption, width, height)


def _facts(metrics: Metrics, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was run as (what, value), in reading order."""
    corpus, facts = params.get("corpus", {}), []
    if corpus.get("source") == "sample":
        facts.append(("text", "Wikipedia, the sample of gensim"))
    elif corpus.get("path"):
        facts.append(("text", Path(corpus["path"]).name))
    train = metrics.get("preprocess", {}).get("train")
    if train:
        facts.append(("documents to train on", number(train["documents"])))
        facts.append(("words in them", number(train["tokens"])))
    if "vocabulary" in metrics:
        facts.append(("different words kept", number(metrics["vocabulary"].get("words"))))
    return [*facts, ("seed", number(params.get("seed")))]


def _splits(metrics: Metrics) -> Table | None:
    """Return the splits of the text as a table, None before the text is split."""
    sizes, encoded = metrics.get("preprocess", {}), metrics.get("vocabulary", {})
    rows = []
    for name in ("train", "valid", "test"):
        if name in sizes:
            counts = [number(sizes[name].get(one)) for one in ("documents", "sentences", "tokens")]
            unknown = encoded.get(name, {}).get("unknown_share")
            share = "–" if unknown is None else percent(unknown)
            rows.append([names.plain(name), *counts, share])
    head = ["documents", "sentences", "words", "unknown words"]
    return Table("The text, split by document", head, rows) if rows else None


def _by_prompt(
    samples: Sequence[Mapping[str, str]], held_out: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Return texts by prompt, as (who wrote it, what follows the prompt), a real one first."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for sample in samples:
        prompt, text = sample["prompt"], sample["text"]
        if prompt not in grouped:
            ends = (f" {line}".partition(f" {prompt} ")[2] for line in held_out)
            grouped[prompt] = [("real text", end) for end in [*filter(None, ends)][:1]]
        grouped[prompt].append((names.model(sample["model"]), text.removeprefix(prompt)))
    return grouped
