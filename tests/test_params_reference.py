"""`wordlab params`: what a setting means, may be and is."""

import pytest

from wordlab.cli import main
from wordlab.errors import Notice, UserError
from wordlab.params import is_section, reference
from wordlab.params.whole import PARAMS, Params, load


def test_a_setting_has_its_meaning_its_values_and_what_the_file_has():
    (found,) = reference.settings(PARAMS, "glove.adagrad")
    assert found.value == "reference" and found.meaning.startswith("reference: as the reference")
    assert found.allowed == "one of reference, paper"
    (found,) = reference.settings(PARAMS, "word2vec.shared.window")
    assert found.meaning == "The most words on either side of the centre."
    assert found.allowed == "a whole number, 1 or more, at most 100000"
    (found,) = reference.settings(PARAMS, "language_evaluation.dynamic.damping")
    assert found.allowed == "a number, above 0, or nothing"


def test_every_setting_has_a_meaning():
    def walk(name=""):
        for one in reference.settings(PARAMS, name):
            yield from [one] if one.allowed else walk(one.name)

    found = list(walk())
    assert len(found) > 500
    assert not [one.name for one in found if not one.meaning]
    of_study, of_network = (
        reference.settings(PARAMS, name)[0].meaning
        for name in ("autoencoder.heads", "language_model.shared.heads")
    )
    assert of_study == of_network
    (streams,) = reference.settings(PARAMS, "cell_study.batch_size")
    assert streams.meaning == "Streams of text side by side."


def test_a_mapping_of_mappings_has_a_line_for_each_key(capsys, monkeypatch, repository):
    monkeypatch.chdir(repository)
    monkeypatch.setattr("sys.argv", ["wordlab", "params", "languages"])
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "languages"
    assert lines[1].startswith("  en: similarity: wordsim353, simlex999, analogies: google,")
    assert max(map(len, lines)) <= 100
    keys = [line.split(":")[0].strip() for line in lines if line[2:3].strip()]
    assert keys[:7] == ["languages", "en", "es", "de", "fr", "pt", "other"]


def test_keys_of_mappings_and_what_may_be_by_language_are_said():
    (found,) = reference.settings(PARAMS, "languages.fr.prompts")
    assert found.value[0] == "histoire de la"
    (found,) = reference.settings(PARAMS, "evaluation.similarity")
    assert found.value == "by_language" and found.allowed.endswith("; or by_language")
    (found,) = reference.settings(PARAMS, "word2vec.shared.rate")
    assert found.allowed == "a number, above 0; each model sets its own"


def test_a_file_with_a_value_out_of_range_still_says_what_is_allowed(tmp_path):
    text = PARAMS.read_text(encoding="utf-8")
    assert text.count("  x_max: 10\n") == 1
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("  x_max: 10\n", "  x_max: -1\n"), encoding="utf-8")
    with pytest.warns(Notice, match=r"glove.x_max: expected greater than 0, .*; what a model"):
        (found,) = reference.settings(path, "glove.x_max")
    assert (found.value, found.allowed) == (-1, "a number, above 0")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"), (True, "true"), ([], "none"), (["a", 1], "a, 1"),
        ([[1, 2], [3]], "1, 2; 3"),
        ([{"name": "a", "path": "x"}, {"name": "b", "path": None}], "name: a, path: x; b"),
        ({"lstm": ["no_forget"]}, "lstm: no_forget"),
    ],
)  # fmt: skip
def test_values_read_as_words(value, words):
    assert reference.in_words(value) == words


def test_what_a_model_does_not_set_is_what_it_inherits():
    whole = load(PARAMS)
    for name, expected in (
        ("language_model.gru.dropout_output", whole.language_model.gru.dropout_output),
        ("character_model.clip_norm", whole.character_model.clip_norm),
        ("word2vec.cbow.rate", whole.word2vec.cbow.rate),
    ):
        (found,) = reference.settings(PARAMS, name)
        assert found.value == expected and found.meaning


def test_every_setting_is_shown_and_the_sections_say_what_they_are():
    shown = reference.settings(PARAMS)
    assert [one.name for one in shown] == list(Params.model_fields)
    for one in shown:
        if is_section(Params.model_fields[one.name].annotation):
            assert one.meaning and not one.allowed
            assert reference.settings(PARAMS, one.name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("glove.xmax", "glove.xmax: no such param; expected one of dimensions, iterations, rate"),
        ("seed.x", "seed.x: no such param; seed is 1"),
        ("languages.en.word", "languages.en.word: no such param; expected one of similarity,"),
        ("nothing", "nothing: no such param; expected one of seed, vector_seeds, corpus"),
    ],
)
def test_a_name_that_there_is_not_gets_those_that_there_are(name, message):
    with pytest.raises(UserError, match=message):
        reference.settings(PARAMS, name)


def test_the_command_prints_them(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["wordlab", "params", "corpus.splits"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "corpus.splits: empty"
    assert lines[0].startswith("    null: drawn by document")
    assert " ".join(" ".join(lines).split()).endswith(
        "one of given, or keys with values: train, valid, test, or nothing"
    )
