"""params.yaml: the shipped one is valid, and each mistake in it gets one line that helps."""

import re
import shlex
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from pydantic import ValidationError

from wordlab.errors import UserError
from wordlab.params.sets import catalogue
from wordlab.params.whole import load, read, restored
from wordlab.paths import QUOTING
from wordlab.pipeline.declared import declaration


@pytest.fixture
def edited(tmp_path, repository):
    """Return the params that result from one edit of the shipped file."""

    def edit(old, new):
        text = (repository / "params.yaml").read_text()
        assert re.search(old, text), f"{old} is not in params.yaml"
        path = tmp_path / "params.yaml"
        path.write_text(re.sub(old, new, text, count=1))
        return load(path)

    return edit


def test_the_shipped_params_are_valid_and_immutable(repository):
    params = load(repository / "params.yaml")
    assert params.corpus.source == "sample"
    with pytest.raises(ValidationError, match="frozen"):
        params.seed = 2


def test_a_language_chooses_sets_words_and_prompts(edited):
    found = edited("language: en ", "language: es ")
    assert [item.name for item in found.evaluation.similarity][0] == "es_wordsim353"
    assert found.evaluation.analogies.path == "es_google"
    assert found.comparison.relations.path == "wordlab_es"
    assert "ciudad" in found.comparison.words and "rey" in found.window_study.words
    assert found.generation.prompts[0] == "la historia de"
    other = edited("language: en ", "language: other ")
    assert (other.evaluation.similarity, other.comparison.words) == ((), None)


def test_the_sets_of_each_language_are_documented(repository):
    params = load(repository / "params.yaml")
    text = (repository / "docs" / "other_languages.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("| `evaluation.similarity`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
    for cell, language in zip(cells, ("en", "es", "de", "fr", "pt", "other"), strict=True):
        names = params.languages[language].similarity
        titles = [catalogue()[name].title.partition(",")[0] for name in names]
        assert cell == (", ".join(titles) or "no set")


def test_what_a_person_names_is_of_no_language(edited):
    assert edited("  words: by_language ", "  words: [corona] ").comparison.words == ("corona",)
    named = edited("similarity: by_language ", "similarity: [men, {name: own, path: x}] ")
    assert [item.name for item in named.evaluation.similarity] == ["men", "own"]


def test_models_take_shared_keys_with_their_own_on_top(edited):
    params = edited(r"skipgram: \{rate: [\d.]+\}", "skipgram: {rate: 0.5, window: 9}").word2vec
    assert (params.skipgram.rate, params.skipgram.window) == (0.5, 9)
    assert params.cbow.window == 10


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("min_count: 5", "min_cuont: 5", r"vocabulary\.min_cuont: no such param; .*min_count"),
        ("min_count: 5", "min_count: 0", r"vocabulary\.min_count: .*greater than or equal to 1"),
        ("min_count: 5", "min_count: many", r"vocabulary\.min_count: .*integer.*'many'"),
        ("min_count: 5", "min_count: '5'", r"vocabulary\.min_count: .*integer.*'5'"),
        ("source: sample", "source: nowhere", r"corpus\.source: expected 'sample'.*'nowhere'"),
        ("source: sample", "source: file", r"corpus\.path: expected the path of a text"),
        (
            "  path:   ",
            "  path: a.txt",
            r"corpus\.path: expected null for the built-in .*a\.txt; corpus\.source file reads",
        ),
        ("watch: {}", "watch: {a: texts}", r"corpus\.watch\.a: expected a path from /.*'texts'"),
        ("source: sample", "source: url", r"corpus\.url: expected http:// .*got None"),
        (
            "valid: 0.05, test: 0.05",
            "valid: 0.1, test: 0",
            r"splits\.test: expected greater than 0",
        ),
        ("train: 0.9", "train: 1.1", r"preprocess\.splits\.train: expected less than or equal"),
        ("train: 0.9", "train: 0.5", r"preprocess\.splits: expected shares that sum to 1"),
        ("    window: 10", "    window: 0", r"word2vec\.shared\.window: expected greater .*got 0"),
        ("    window: 10", "    windwo: 10", r"word2vec\.shared\.windwo: no such param"),
        (r"skipgram: \{rate: [\d.]+\}", "skipgram: {rate: -1}", r"word2vec\.skipgram\.rate: .*-1"),
        ("seed: 1\n", "seed: 1\nextra: 2\n", r"extra: no such param; expected one of seed,"),
        ("seed: 1\n", "seed: [1\n", r"params\.yaml, line \d+: .*expected YAML"),
        ("seed: 1\n", "", r"seed: missing"),
        ("lstm: {cell: lstm", "lstm: {cell: gru", r"language_model\.lstm\.cell: expected lstm"),
        (
            "    tied: true +#",
            "    tied: true\n    embedding_size: 32  #",
            r"sweep_recurrent: with .*hidden_size=64.*tied",
        ),
        (
            "    gates: all",
            "    gtaes: all",
            r"language_model\.shared\.gtaes: no such param; .* gates",
        ),
        ("    gates: all", "    gates: 2", r"language_model\.shared\.gates: expected 'all'"),
        ("    epochs: 4\n", "", r"language_model\.shared\.epochs: missing"),
        ("  cell: gru\n", "  cell: gur\n", r"character_model\.cell: expected 'rnn', 'lstm'"),
        ("  hidden_size: 320", "  hiden_size: 320", r"character_model\.hiden_size: no such param"),
        ("dropout: {dropout: 0.5}", "dropout: {dropuot: 1}", r"\.dropout\.dropuot: no such param"),
        ("search: grid", "search: gird", r"sweep_recurrent\.search: expected 'grid', 'random'"),
        (
            "  parameters:   +#",
            "  parameters: 900000  #",
            r"sweep_recurrent\.parameters: the budget decides .* expected tied: false",
        ),
        (
            "update_tokens: 600",
            "update_tokens: 50",
            r"sweep_recurrent\.update_tokens: .* each bptt_length, 30 among them, got 50",
        ),
        (
            r", bptt_length: \[10, 30\]",
            "",
            r"sweep_recurrent\.update_tokens: .* multiple of each bptt_length, 32 among them",
        ),
        (
            r"cache: \{models: \[rnn",
            "cache: {models: [sru",
            r"cache\.models.*: expected 'rnn', 'lstm'",
        ),
        ("words: processed", "words: raw", r"language_model\.words: expected 'processed/voc"),
    ],
)
def test_a_mistake_is_told_in_a_line_that_names_it(edited, old, new, problem):
    with pytest.raises(UserError) as caught:
        edited(old, new)
    lines = str(caught.value).splitlines()
    assert any(re.search(problem, line) for line in lines), lines
    assert len(lines) <= 2


def test_windows_of_any_length_make_equal_updates(edited):
    spaced, fixed = r"bptt_length: \[10, 30\]}\n  fixed:", "bptt_length: [7, 30]}\n  fixed:"
    sweep = edited(spaced, f"{fixed}\n    examples: windows").sweep_recurrent
    assert (sweep.update_tokens, sweep.space["bptt_length"]) == (600, (7, 30))


def test_a_number_written_as_a_power_is_a_number(edited):
    assert edited("subsample: 0.0001", "subsample: 1e-4").word2vec.cbow.subsample == 0.0001


def test_params_of_an_older_revision_keep_their_values_and_take_new_settings(repository, tmp_path):
    today, run = repository / "params.yaml", tmp_path / "run.json"
    now = read(today)
    then = deepcopy(now)
    del then["draws"], then["ppmi"]["shift"], then["language_model"]["shared"]["epochs"]
    del then["language_model"]["lstm"]["rate"]
    then["seed"], then["gone"], then["glove"]["gone"] = 77, {"any": 1}, None
    then["word2vec"]["shared"] |= {"mode": "lock_free", "window": 7}
    then["sweep_ppmi"]["grid"] = grid = {"window": [3], "context_exponent": [1.0], "shift": [1, 2]}
    kept = deepcopy(then)
    found = restored(then, today, run)
    assert then == kept
    assert (found.seed, found.word2vec.cbow.window, found.word2vec.skipgram.window) == (77, 7, 7)
    assert {name: [*values] for name, values in found.sweep_ppmi.grid.items()} == grid
    same = load(today)
    assert (found.draws, found.ppmi) == (same.draws, same.ppmi)
    assert found.language_model == same.language_model
    then["ppmi"]["dimensions"] = 0
    with pytest.raises(UserError, match=r"^\S+run\.json: ppmi\.dimensions: expected .*, got 0$"):
        restored(then, today, run)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="gone.yaml: no such file"):
        load(tmp_path / "gone.yaml")


def test_a_change_by_dvc_leaves_the_rest_of_the_file_as_it_is(tmp_path, repository):
    path = tmp_path / "params.yaml"
    shutil.copy(repository / "params.yaml", path)
    apply_overrides(str(path), ["seed=7"])
    before = (repository / "params.yaml").read_text()
    assert path.read_text() == before.replace("seed: 1", "seed: 7", 1)
    assert " \n" not in before  # DVC breaks long lines in the middle of a key's value


def test_every_list_can_be_emptied_by_dvc_and_leaves_the_rest(tmp_path, repository):
    """DVC loses a line end where a list that has a comment beside its key becomes empty."""
    path = tmp_path / "params.yaml"
    for name in ("language_model.shared.adaptive_cutoffs", "sweep_recurrent.contexts"):
        shutil.copy(repository / "params.yaml", path)
        apply_overrides(str(path), [f"{name}=[]"])
        load(path)


def test_a_text_to_watch_is_added_by_dvc_as_documented(tmp_path, repository):
    path = tmp_path / "params.yaml"
    shutil.copy(repository / "params.yaml", path)
    apply_overrides(str(path), ["+corpus.watch.text=/path/to/texts"])
    assert load(path).corpus.watch == {"text": "/path/to/texts"}
    assert load(repository / "params.yaml").corpus.watch == {}
    found = declaration("watch_text@text", repository / "dvc.yaml", path)
    assert found.inputs == (Path("/path/to/texts"),)
    assert found.outputs == (Path("data/text/text.json"),)


def test_paths_are_quoted_as_documented(tmp_path, repository):
    """The words that a shell makes of the documented commands are what DVC takes."""
    text = (repository / "docs" / "params.md").read_text(encoding="utf-8")
    commands = [shlex.split(line) for line in text.splitlines() if "-S '" in line]
    given = [words[i + 1] for words in commands for i, word in enumerate(words) if word == "-S"]
    path = shutil.copy(repository / "params.yaml", tmp_path / "params.yaml")
    apply_overrides(str(path), given)
    found = load(path)
    assert found.corpus.path == "~/libros/años 1900, [2]"
    assert found.evaluation.analogies.path == "sets/español.txt"
    assert "-S 'corpus.path=\"" in QUOTING
