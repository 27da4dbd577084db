"""The report: whole, self-contained, the same bytes each time, and nothing measured is missing."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from wordlab.params.whole import PARAMS as PARAMS_YAML
from wordlab.params.whole import load
from wordlab.report.figures.style import canvas, png
from wordlab.report.page import SECTIONS
from wordlab.report.page import build as build_page
from wordlab.report.results import Answer
from wordlab.report.tables import Table, fraction, number, percent, ranged, tables

PARAMS = {
    "seed": 5,
    "corpus": {"source": "sample", "path": None},
    "vocabulary": {"min_count": 5, "max_size": None},
    "glove": {"rate": 0.05, "exponent": 0.75},
    "evaluation": {"confidence": 0.9},
}


def similarity(score: float) -> dict[str, Any]:
    return {
        "spearman": score,
        "low": score - 0.1,
        "high": score + 0.1,
        "n": 236,
        "pairs": 353,
        "coverage": 0.6686,
    }


METRICS: dict[str, Any] = {
    "preprocess": {"train": {"documents": 92, "sentences": 27672, "tokens": 421548}},
    "vocabulary": {"words": 8376, "train": {"unknown_share": 0.0914}},
    "embeddings": {
        "cbow": {"wordsim353": similarity(0.328)},
        "skipgram": {"wordsim353": similarity(0.4125)},
    },
    "language_models": {
        "lstm": {"perplexity": 104.25, "low": 99.5, "high": 111.5, "symbols": 26904, "bits": 6.7},
        "kneser_ney": {"perplexity": 131.75, "low": 125.0, "high": 140.0, "symbols": 26904},
        "char": {"perplexity": 5.125, "low": 5.0, "high": 5.25, "symbols": 150000},
    },
    "lm_lstm": {"parameters": 389522, "valid_perplexity": 118.1},
    "study_autoencoder": {
        "baselines": {"UTF-8": 8.0},
        "gru 8": {
            "float32": {
                "n": 500,
                "token_accuracy": 0.7125,
                "token_accuracy_low": 0.6875,
                "token_accuracy_high": 0.75,
                "exact_match": 0.25,
                "edit_distance": 0.125,
                "bleu": 0.5,
                "correction": 2.5,
            },
        },
    },
    "study_gradients": {
        "lstm": {"length 50": {"half_lag": 21.5}},
    },
    "a_stage_nobody_foresaw": {"answer": 42, "missing": None},
}
FINDINGS = {
    "study_gradients": ["The LSTM keeps <half> its gradient for 21.5 steps."],
    "a_stage": ["Nobody foresaw it."],
}
ANSWERS = {
    "word-vectors": Answer(
        "skip-gram is closest.", True, Table("Scores", ["WordSim-353"], [["skip-gram", ".41"]])
    ),
    "sizes": Answer("That is <not> decided by this text.", False, None, ("It rests on little.",)),
}
HELD_OUT = ["a sentence", "he was born in a village"]
SAMPLES = [{"model": "lstm", "prompt": "he was", "text": "he was a kingdom & a tree"}]


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.png" for name in ("glove_cost", "sweep_glove")}
    for path in paths.values():
        path.write_bytes(png(canvas()))
    return paths


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers references and text."""

    VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.references += [values[name] or "" for name in ("src", "href") if name in values]
        self.ids += [values["id"] or ""] if "id" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def build(pictures: dict[str, Path], metrics: dict[str, Any] = METRICS) -> str:
    return build_page(metrics, pictures, PARAMS, SAMPLES, FINDINGS, ANSWERS, HELD_OUT)


def test_the_page_is_well_formed_and_needs_no_other_file(pictures: dict[str, Path]) -> None:
    html = build(pictures)
    page = Page(html)
    for reference in page.references:
        inside = reference.startswith(("data:image/png;base64,", "#"))
        assert inside or reference in ("explore.html", "../docs/answers.md")
        if reference.startswith("#"):
            assert reference[1:] in page.ids
    assert "@import" not in html and "url(" not in html and "<script" not in html
    assert html.count("<img ") == html.count(' alt="') == len(pictures)


def test_words_of_a_hostile_text_are_shown_and_do_nothing(pictures: dict[str, Path]) -> None:
    hostile = """</p><script>alert("1")</script>'\u202eabc"""
    samples = [{"model": "lstm", "prompt": hostile, "text": hostile}]
    findings = {stage: [hostile] for stage in FINDINGS}
    answer = Answer(hostile, True, Table(hostile, [hostile], [[hostile, hostile]]), (hostile,))
    params = {**PARAMS, "generation": {"prompts": [hostile]}}
    metrics = {**METRICS, "study_windows": {hostile: {hostile: 0.5}}}
    answers = {**ANSWERS, "sizes": answer}
    html = build_page(metrics, pictures, params, samples, findings, answers, [hostile])
    page = Page(html)
    assert "script" not in page.open
    assert """</p><script>alert("1")</script>'abc""" in page.text
    assert "<script>alert" not in html
    assert "\u202e" not in html


def test_the_page_shows_what_was_measured(pictures: dict[str, Path]) -> None:
    page = Page(build(pictures))
    for expected in (
        "421,548",  # words
        "Intervals have 90 % confidence, those of language models 95 %, unless a table",
        "8,376",  # words kept
        ".412",  # skip-gram's score
        "104",  # perplexity
        "389,522",  # parameters
        "21.5",
        "real text born in a village",
        "LSTM a kingdom & a tree",
        "The LSTM keeps <half> its gradient",
        "What else was measured?",
        "Nobody foresaw it.",
        "Cost of GloVe. GloVe's objective",
        "Setting by setting, GloVe. Every dot",
        "a stage nobody foresaw",
        "glove.exponent 0.75",
    ):
        assert expected in page.text, expected
    assert len([r for r in page.references if r.startswith("data:")]) == len(pictures)


def test_every_section_has_its_question_and_answer_and_the_summary_links_to_six(
    pictures: dict[str, Path],
) -> None:
    html = build(pictures)
    page = Page(html)
    for section in SECTIONS[:-1]:
        assert section.question in page.text and section.name in page.ids
    summary = html[html.index('id="summary"') : html.index('id="word-vectors"')]
    assert summary.count("<li>") == 6 and "skip-gram is closest." in summary
    assert 'href="#sizes"' in summary  # as one that this text does not decide
    assert "That is <not> decided by this text." in page.text
    assert "It rests on little." in page.text
    assert "This text is too small to measure it." in page.text


def test_a_section_has_at_most_five_sentences_in_sight(pictures: dict[str, Path]) -> None:
    html = re.sub(r"<details>.*?</details>", "", build(pictures), flags=re.DOTALL)
    for section in html.split("<section")[2:]:
        prose = " ".join(re.findall(r"<(?:p|figcaption)\b[^>]*>(.*?)</", section))
        assert len(re.findall(r"[.?!](?= |$)", prose)) <= 5


def test_the_same_results_give_the_same_bytes_without_a_path(pictures: dict[str, Path]) -> None:
    html = build(pictures)
    assert html == build(pictures)
    assert str(next(iter(pictures.values())).parent) not in html
    assert html != build(pictures, {**METRICS, "lm_lstm": {"parameters": 1}})


def test_a_report_of_nothing_yet_is_still_a_page() -> None:
    page = Page(build_page({}, {}, {"seed": 1}))
    assert "seed" in page.text


def test_nested_numbers_of_any_shape_all_reach_a_table() -> None:
    nested = {
        "plain": 1.5,
        "rows": {"x": 2.5, "deep": {"y": 3.5, "deeper": {"z": 4.5}}},
        "list": [{"w": 5.5}, {"w": 6.5}],
        "values": [7.5, 8.5],
    }
    written = {cell for table in tables("any", nested) for row in table.rows for cell in row[1:]}
    found = {float(match) for text in written for match in re.findall(r"\d\.5", text)}
    assert found == {1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5}


def test_a_table_deep_in_metrics_names_its_model_once() -> None:
    deep = {"subword": {"analogy": {"3cosadd": {"sections": {"plural": {"n": 1}}}}}}
    titles = [table.title for table in tables("embeddings", deep)]
    assert titles == ["embeddings · subword skip-gram · analogy · 3CosAdd · sections"]


def test_numbers_are_written_for_reading() -> None:
    values = (421548, 0.03641, -0.5, 1.23456e-7, 12.345, 1234.5, None, float("nan"), True)
    written = ["421,548", ".0364", "-.500", "1.23e-07", "12.3", "1,234", "–", "–", "yes"]
    assert list(map(number, values)) == written
    assert list(map(fraction, (0.4712, -0.01, -0.001, 0.999, 10.02))) == [
        ".47", "-.01", ".00", "1.00", "10.02",
    ]  # fmt: skip
    space = "\N{NO-BREAK SPACE}"
    assert list(map(percent, (0.0364, 0.1, 0.0))) == [f"{x}{space}%" for x in ("3.6", "10", "0")]
    assert ranged(0.57, 0.47, 0.65) == f".57 (.47{space}to{space}.65)"
    assert (ranged(0.57, None, None), ranged(None, 0, 1)) == (".57", "–")


def test_every_section_s_settings_are_sections_of_params_yaml() -> None:
    params = load(PARAMS_YAML).model_dump()
    named = {name for section in SECTIONS for name in section.params}
    assert named and all(isinstance(params[name], dict) for name in named)


def test_numbers_of_a_sweep_are_in_the_section_of_what_was_swept() -> None:
    html = build_page({f"sweep_{x}": {"trainings": 7} for x in ("recurrent", "ppmi")}, {}, PARAMS)
    ppmi, recurrent = (html.index(f"<caption>sweep {x}</caption>") for x in ("PPMI", "recurrent"))
    starts = [html.index(f'id="{name}"') for name in ("vector-settings", "recurrent-settings")]
    assert starts[0] < ppmi < starts[1] < recurrent


def test_what_a_text_cannot_show_and_every_number_has_a_name_that_people_know() -> None:
    metrics = {
        "comparison": {
            "analogy 3cosadd": {"ppmi_svd": {"score": 0.1}},
            "wordsim353": {"skipgram": {"score": 0.5}},
        },
        "lm_gru": {"valid_perplexity": 118.1},
    }
    page = Page(build_page(metrics, {"neighbour_overlap": None}, {"seed": 1}))
    assert "Nothing to show in this text: agreement on neighbours." in page.text
    for name in ("3CosAdd", "PPMI-SVD", "WordSim-353", "skip-gram", "validation perplexity"):
        assert name in page.text
    for name in ("3cosadd", "ppmi_svd", "wordsim353", "skipgram", "valid_perplexity", "lm gru"):
        assert name not in page.text
