"""Where sets of word pairs come from: packaged, a path, or a URL with its checksum."""

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from wordlab import downloads
from wordlab.errors import UserError
from wordlab.evaluation.vectors import scores
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
    assert scores.read_sets(asked).pairs[0].words == (("tiger", "cat"), ("plane", "car"))
    with pytest.raises(UserError, match="cannot be fetched"):
        downloads.cached("http://127.0.0.1:9/set.txt", "0" * 64)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({}, "expected a path, or a url with its sha256; only wordsim353 and simlex999"),
        ({"url": "https://example.org/x"}, "expected the sha256"),
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
    metrics = {
        "set": {
            **{"spearman": 0.5, "low": 0.4, "high": 0.6, "spearman_all": 0.3, "pearson": None},
            **{"n": 1200, "pairs": 2400, "coverage": 0.5},
        },
        "analogy": {
            **{"n": 10, "questions": 40, "coverage": 0.25},
            "3cosadd": {
                **{"semantic": None, "syntactic": 0.2, "total": 0.2, "low": 0.1, "high": 0.3},
                **{"semantic_all": 0.0, "syntactic_all": 0.05, "total_all": 0.05},
            },
        },
    }
    lines = tables.scores(metrics).splitlines()
    assert lines[1].split() == [
        *("set,", "Spearman", "0.500", "[0.400,", "0.600]", "1,200", "2,400", "50.0", "%", "0.300")
    ]
    assert lines[2].split()[2] == "–"
    assert "20.0 %  [10.0 %, 30.0 %]  " in lines[-1] and lines[-1].endswith("5.0 %")
