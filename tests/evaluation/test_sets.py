"""Where sets of word pairs come from: packaged, a path, or a URL with its checksum."""

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from wordlab import downloads
from wordlab.errors import UserError
from wordlab.evaluation.vectors.battery import Row
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.embeddings import EvaluationParams, WordPairsParams
from wordlab.report import tables

PAIRS = "tiger\tcat\t7.35\nplane\tcar\t5.77\n"


def params(**item: str) -> EvaluationParams:
    analogies = {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None}
    return EvaluationParams.model_validate(
        {
            "similarity": [{"name": "set", **item}],
            "analogies": analogies,
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )


def test_a_set_with_a_url_is_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    sha256 = hashlib.sha256(PAIRS.encode()).hexdigest()
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads" / f"{sha256[:16]}-set.txt").write_text(PAIRS)
    asked = params(url="http://127.0.0.1:9/set.txt", sha256=sha256)
    assert read_sets(asked).pairs[0].words == (("tiger", "cat"), ("plane", "car"))
    with pytest.raises(UserError, match="cannot be fetched"):
        downloads.cached("http://127.0.0.1:9/set.txt", "0" * 64)


@pytest.mark.parametrize("name", ["analogy", "analogies", "relations"])
def test_names_that_have_a_meaning_of_their_own_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="none of them analogy, analogies, relations"):
        params(name=name, path="set.txt")


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({}, "expected a path, a url with its sha256, or a set of word pairs"),
        ({"url": "https://example.org/x"}, "expected the sha256"),
        ({"path": "x", "sha256": "0" * 64}, "expected a url beside the sha256"),
        ({"url": "https://example.org/x", "path": "x"}, "expected a path or a url, got both"),
        ({"url": "file:///etc/passwd", "sha256": "0" * 64}, "pattern"),
        ({"url": "https://example.org/x", "sha256": "12"}, "pattern"),
    ],
)
def test_a_set_has_one_place_and_a_checksum_where_it_needs_one(
    item: dict[str, str], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        WordPairsParams.model_validate({"name": "set", **item})


def test_the_printed_table_has_n_coverage_and_intervals() -> None:
    row = Row("men", "MEN", "relatedness", "en", "Spearman", 0.5, 0.4, 0.6, 1200, 2400, 0.5, 0.3)
    nan = float("nan")
    other = Row("ap", "AP", "categories", "en", "purity", 0.25, nan, nan, 4, 400, 0.01, None)
    lines = tables.evaluated([row, other]).splitlines()
    assert lines[1] == "relatedness: Spearman"
    assert lines[2].split() == [
        *("MEN", "0.500", "[0.400,", "0.600]", "1,200", "2,400", "50.0", "%", "0.300")
    ]
    assert lines[4].split() == ["AP", "25.0", "%", "4", "400", "1.0", "%"]
    assert other.as_json()["low"] is None
