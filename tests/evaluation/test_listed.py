"""Stages read the evaluation sets that fetch_sets has listed, as they were then, or not at all."""

import subprocess
import sys

import pytest

from wordlab.artifacts import write_json
from wordlab.errors import Notice, UserError
from wordlab.evaluation.vectors import listed
from wordlab.evaluation.vectors.sets import digests, read_related, read_sets
from wordlab.params.embeddings import EvaluationParams, RelationParams

TEXTS = {
    "pairs.tsv": "tiger\tcat\t7.35\nplane\tcar\t5.77\n",
    "questions.txt": ": family\nking queen man woman\n",
    "relations.tsv": "synonyms\tbig\tlarge\n",
}
MORE = {
    "pairs.tsv": "sun\tmoon\t6\n",
    "questions.txt": "boy girl man woman\n",
    "relations.tsv": "synonyms\tsmall\tlittle\n",
}


@pytest.fixture
def asked(tmp_path):
    """Return params that name a set of one's own for each task; the list is of them."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    evaluation = EvaluationParams.model_validate(
        {
            "similarity": [{"name": "own", "path": str(tmp_path / "pairs.tsv")}],
            "analogies": {
                "path": str(tmp_path / "questions.txt"),
                "methods": ["3cosadd"],
                "restrict_vocabulary": None,
            },
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )
    relations = RelationParams.model_validate(
        {"path": str(tmp_path / "relations.tsv"), "wordnet": 0}
    )
    write_json(tmp_path / "sets.json", digests(evaluation, relations))
    return evaluation, relations


def read(evaluation, relations):
    sets = read_sets(evaluation)
    return len(sets.pairs[0]), len(sets.questions), sum(map(len, read_related(relations).values()))


def test_sets_are_read_as_listed(asked, tmp_path):
    with listed.held_to(tmp_path / "sets.json"):
        assert read(*asked) == (2, 1, 1)


@pytest.mark.parametrize("name", TEXTS)
def test_a_set_of_one_s_own_that_changed_is_refused(asked, tmp_path, name):
    with (tmp_path / name).open("a") as file:
        file.write(MORE[name])
    again = rf"{name}: not the set that \S+sets\.json lists; `dvc repro --force fetch_sets` lists"
    with listed.held_to(tmp_path / "sets.json"), pytest.raises(UserError, match=again):
        read(*asked)
    assert sum(read(*asked)) == 5  # outside of stages it is read
    write_json(tmp_path / "sets.json", digests(*asked))
    with listed.held_to(tmp_path / "sets.json"):
        assert sum(read(*asked)) == 5


@pytest.mark.parametrize("name", TEXTS)
def test_a_set_that_is_gone_is_refused(asked, tmp_path, name):
    (tmp_path / name).unlink()
    with (
        listed.held_to(tmp_path / "sets.json"),
        pytest.raises(UserError, match=rf"{name}: no longer here, but in \S+sets\.json; expected"),
    ):
        read(*asked)


def test_a_set_that_is_not_listed_is_left_out_though_it_is_here(asked, tmp_path):
    write_json(tmp_path / "sets.json", {})
    with listed.held_to(tmp_path / "sets.json"), pytest.warns(Notice) as noticed:
        found = read_sets(asked[0])
        assert (found.pairs, len(found.questions)) == ((), 0)
        assert read_related(asked[1]) == {}
        assert digests(*asked) == {}
    said = " ".join(str(one.message) for one in noticed)
    for name in ("own", "analogies", "relations"):
        assert f"sets.json: {name} is not in it and left out" in said


SCRIPT = """
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.pipeline import stage

def main(run):
    run.output("scores").write_text(str(len(read_sets(run.params.evaluation).pairs[0])))

stage.run(main)
"""


def test_a_stage_that_depends_on_the_list_is_held_to_it(asked, tmp_path, repository, monkeypatch):
    params = (repository / "params.yaml").read_text()
    for old, new in (
        ("similarity: by_language", f"similarity: [{{name: own, path: {tmp_path}/pairs.tsv}}]"),
        ("analogies:\n    path: by_language", "analogies:\n    path: none"),
    ):
        assert old in params
        params = params.replace(old, new)
    (tmp_path / "params.yaml").write_text(params)
    (tmp_path / "data").mkdir()
    (tmp_path / "sets.json").rename(tmp_path / "data" / "sets.json")
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  score:\n    cmd: ''\n    deps: [data/sets.json]\n    params: [evaluation]\n"
        "    outs: [scores]\n"
    )
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def run():
        command = [sys.executable, "score.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scores").read_text() == "2"
    (tmp_path / "pairs.tsv").write_text(TEXTS["pairs.tsv"] + MORE["pairs.tsv"])
    done = run()
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "pairs.tsv: not the set that data/sets.json lists; `dvc repro --force" in done.stderr
    assert (tmp_path / "scores").read_text() == "2"
