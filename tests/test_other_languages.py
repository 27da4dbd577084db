"""Every stage on texts none of whose words the sets, or the params, know, and without a network."""

import contextlib
import re

import pandas as pd
import pytest

from made_up import made_up_text, spanish_text
from small_pipeline import metrics, run_pipeline, stages
from wordlab import downloads, names
from wordlab.artifacts import read_json
from wordlab.corpus.vocabulary import Vocabulary, content_words
from wordlab.evaluation.language.perplexity import PROMPTS
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.pipeline.declared import declaration
from wordlab.report import scored
from wordlab.report.figures import style
from wordlab.report.findings import findings
from wordlab.report.results import Results

SETS = ("wordsim353", "simlex999", "analogy")
TEXTS = ("made_up", "spanish")
pytestmark = pytest.mark.filterwarnings("ignore:no network")


@pytest.fixture(scope="module", autouse=True)
def offline():
    """No server can be reached."""

    def refuse(url, **headers):
        raise OSError("no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloads, "_open", refuse)
        yield


@contextlib.contextmanager
def inside(folder):
    """Work in `folder`, all in this process, and draw figures coarsely."""
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setenv("WORDLAB_THREADS", "1")
        patch.setitem(style.STYLE, "savefig.dpi", 40)
        yield folder


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """The folder, the params and the calls of a pass over made-up words, English words named."""
    with inside(tmp_path_factory.mktemp("made_up")) as folder:
        return folder, *run_pipeline(folder, made_up_text(documents=10, sentences=30))


@pytest.fixture(scope="module")
def spanish(tmp_path_factory):
    """The same of a Spanish text, which is said to be one, with no word named."""
    changes = {
        "preprocess": {"tokens": "spanish", "language": "es"},
        "comparison": {"words": None},
        "window_study": {"words": None, "matrix_words": None},
        "generation": {"prompts": None},
    }
    with inside(tmp_path_factory.mktemp("spanish")) as folder:
        return folder, *run_pipeline(folder, spanish_text(documents=10, sentences=30), **changes)


@pytest.fixture(params=TEXTS)
def passed(request):
    """The folder, the params and the calls of either."""
    return request.getfixturevalue(request.param)


def vocabulary(folder):
    return Vocabulary.load(folder / "data" / "processed" / "vocabulary.tsv")


def asked(passed):
    """Return what the word vectors are scored on: without a network, no Spanish set."""
    return ["analogy"] if is_spanish(passed) else [*SETS]


def is_spanish(passed):
    """Say whether the text is the Spanish one, of whose relations it knows some."""
    return passed[1].preprocess.language == "es"


def said(passed, stage):
    folder, params, _ = passed
    return findings(stage, Results(folder / "reports", params))


def table(folder, study, name):
    return pd.read_csv(folder / "reports" / "tables" / study / f"{name}.csv")


def test_the_texts_know_nothing_of_the_params_and_the_sets(made_up, spanish):
    for folder, params, _ in (made_up, spanish):
        words = set(vocabulary(folder).words)
        sets = read_sets(params.evaluation)
        known = {word.casefold() for pairs in sets.pairs for pair in pairs.words for word in pair}
        known |= {word.casefold() for question in sets.questions.words for word in question}
        assert not words & known


def test_every_stage_runs_to_its_end(passed, repository):
    folder, params, calls = passed
    assert list(calls) == list(stages())
    for name in calls:
        made = declaration(name, repository / "dvc.yaml", folder / "params.yaml").outputs
        assert all((folder / path).exists() for path in made)


def test_no_nan_is_written_anywhere(passed):
    folder, _, _ = passed
    for path in folder.glob("reports/**/*"):
        if path.suffix in (".json", ".csv", ".html"):
            text = re.sub('base64,[^"]*', "", path.read_text(encoding="utf-8"))
            assert not re.search(r"\bnan\b", text, re.IGNORECASE), path


def test_scores_without_a_known_pair_are_null_with_n_0(passed):
    folder, _, _ = passed
    sets = asked(passed)
    for model in metrics(folder)["embeddings"].values():
        assert list(model) == sets
        for name in sets:
            assert model[name]["n"] == 0
        for name in sets[:-1]:
            assert all(model[name][key] is None for key in ("spearman", "pearson", "low", "high"))
        assert model["analogy"]["3cosadd"]["total"] is None
    headline = read_json(folder / "reports" / "headline" / "embeddings.json")
    measures = [*map(names.plain, sets[:-1]), "analogies"]
    assert all(scored == dict.fromkeys(measures) for scored in headline.values())


def test_no_finding_holds_what_was_not_measured(passed):
    for stage in ("windows", "sizes", "autoencoder", "gradients", "regularisation"):
        found = said(passed, f"study_{stage}")
        assert found
        assert not [text for text in found if re.search(r"\b(nan|None)\b", text)]


def test_sections_with_nothing_to_show_say_so_in_one_line(passed):
    folder, _, _ = passed
    compared = said(passed, "compare_embeddings")
    assert compared[0].startswith("Nothing can be scored")
    if not is_spanish(passed):
        assert compared[-1].startswith("Relations: no two of them have pairs")
    assert said(passed, "study_sizes")[0] == "No set can be scored at every size of the text."
    for sweep in ("word2vec", "glove"):
        lines = said(passed, f"analyse_sweep@{sweep}")
        assert "no trial has a score, so nothing is analysed" in lines[-1]
    (line,) = scored.results(folder / "reports" / "metrics").split("\n\n")[0].splitlines()
    if is_spanish(passed):
        assert line == "Word vectors: there is no evaluation set to score them on."
        return
    assert line == (
        "Word vectors: no item of these sets has all its words in the vocabulary: WordSim-353, "
        "SimLex-999, analogies."
    )


def test_a_spanish_text_has_a_report_without_english_sets(spanish):
    folder, params, _ = spanish
    assert [item.name for item in params.evaluation.similarity][0] == "es_wordsim353"
    page = (folder / "reports" / "report.html").read_text(encoding="utf-8")
    assert not re.search("WordSim-353|SimLex-999", page)


def test_a_spanish_text_has_relations_of_its_language(spanish):
    folder, _, _ = spanish
    known = table(folder, "embeddings", "relations").groupby("relation")["n"].max()
    assert {"antonyms", "related"} <= set(known.index[known > 0])
    assert (folder / "reports" / "figures" / "relation_cosines.png").exists()


def test_the_report_says_what_it_has_nothing_of(passed):
    folder, _, _ = passed
    relations = "cosines by relation; relations that the cosine distinguishes; "
    page = (folder / "reports" / "report.html").read_text(encoding="utf-8")
    answers = re.findall(r'<p class="answer">(.*?)</p>', page)
    assert answers[0] == answers[4] == "This text is too small to measure it."
    assert "which to prefer is not decided by this text" in answers[1]
    assert "too few documents" in answers[2]
    for titles in (
        "scores; analogies by section",
        f"{'' if is_spanish(passed) else relations}scores by frequency",
        "scores by size of the text",
        "scores by window",
    ):
        assert f"Nothing to show in this text: {titles}" in page
    drawn = {path.stem for path in (folder / "reports" / "figures").glob("*.png")}
    assert {"neighbours", "ppmi_associations", "ppmi_windows", "perplexity"} <= drawn
    assert not {"scores", "frequency", "sizes"} & drawn
    assert ("relation_cosines" in drawn) == is_spanish(passed)


def test_where_none_of_the_words_named_is_known_words_of_the_text_are_shown(made_up):
    folder, params, _ = made_up
    chosen = content_words(vocabulary(folder), 2)
    named = params.comparison.words
    assert len(named) == 2
    assert tuple(table(folder, "embeddings", "neighbours")["word"].unique()) == chosen
    assert tuple(table(folder, "study_windows", "associations")["word"].unique()) == chosen[:1]
    text = "fewer than half of the 2 named are in the vocabulary; chosen from the text instead: "
    text += chosen[0]
    assert any(text in line for line in said(made_up, "compare_embeddings"))


def test_models_continue_words_of_the_text(made_up):
    folder, params, _ = made_up
    samples = read_json(folder / "reports" / "samples.json")
    known = vocabulary(folder).truncated(params.language_model.vocabulary_size)
    chosen = content_words(known, len(params.generation.prompts))
    assert {sample["prompt"] for sample in samples} == set(chosen)
    scored = metrics(folder)["language_models"]
    for model in ("rnn", "lstm", "gru", "char"):
        assert scored[model]["generated"]["prompts"] == 1
        assert scored[model]["generated"]["prompts_left_out"] == 1


def test_where_no_word_is_named_words_of_the_text_are_shown(spanish):
    folder, params, _ = spanish
    assert params.comparison.words is None
    known = vocabulary(folder)
    assert {"qué", "según", "canción"} <= set(known.words)
    for study, name, count in (("embeddings", "neighbours", 6), ("study_windows", "blocks", 12)):
        shown = tuple(table(folder, study, name)["word"].unique())
        assert shown == content_words(known, count)
    assert {"corona", "guerra"} <= set(content_words(known, 30))
    assert not {"el", "la", "para", "que"} & set(content_words(known, 30))


def test_models_of_a_spanish_text_write_its_accents(spanish):
    folder, params, _ = spanish
    assert params.generation.prompts is None
    characters = Vocabulary.load(folder / "data" / "models" / "lm_char" / "vocabulary.tsv").words
    assert set("áéíóúñ") <= set(characters)
    known = vocabulary(folder).truncated(params.language_model.vocabulary_size)
    prompts = {sample["prompt"] for sample in read_json(folder / "reports" / "samples.json")}
    assert prompts == set(content_words(known, PROMPTS))
    for model in ("rnn", "lstm", "gru", "char"):
        generated = metrics(folder)["language_models"][model]["generated"]
        assert (generated["prompts"], generated["prompts_left_out"]) == (PROMPTS, 0)
