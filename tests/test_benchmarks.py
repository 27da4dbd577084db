"""Every benchmark runs, on a text of a few thousand words, as its documentation calls it."""

import importlib
import re
import shlex

import numpy as np
import pytest
import torch

from wordlab.artifacts import read_json
from wordlab.evaluation import similarity
from wordlab.evaluation.datasets import packaged

SMALL = {
    "analogy": "--words 1000 --dimensions 8 --repeats 1",
    "counts": "--dimensions 8 --tolerance 0.2 --score",
    "glove": "--dimensions 8 --iterations 2 --score",
    "gradients": "--tokens 600 --rounds 1 --vocabulary 1600",
    "language_model": "--tokens 4000 --vocabulary 300 --epochs 1 --rounds 1",
    "machine": "--runs 1",
    "scale": "--tokens 1e6",
    "text": "--copies 2",
    "vector_settings": "--dimensions 8",
    "word2vec": "--epochs 1 --seeds 1 --architectures cbow --systems gensim wordlab",
}
"""What makes each small: options that the documentation leaves at their defaults, or larger."""
HELPERS = {"harness", "reading"}


@pytest.fixture(autouse=True)
def benchmarks(repository, monkeypatch):
    """Let the benchmarks be imported, and undo what they set for their process."""
    monkeypatch.syspath_prepend(repository / "benchmarks")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        monkeypatch.setenv(name, "1")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A text of words of WordSim-353 by Zipf's law, a sentence a line."""
    random = np.random.default_rng(1)
    pairs = similarity.read_pairs(packaged("wordsim353"), "wordsim353").words
    words = sorted({word.lower() for pair in pairs for word in pair if word.isalpha()})
    weights = 1 / np.arange(1, len(words) + 1)
    lines = [
        f"{' '.join(random.choice(words, 12, p=weights / weights.sum())).capitalize()}.\n"
        for _ in range(600)
    ]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines))
    return path


def documented(repository):
    """Return the command of each benchmark in the documentation, what is optional left out."""
    texts = [repository / "benchmarks" / "README.md", repository / "docs" / "scale.md"]
    found = {}
    for text in texts:
        for line in re.findall(r"python (benchmarks/[^`\n]*)", text.read_text(encoding="utf-8")):
            script, *options = shlex.split(re.sub(r"\[.*?\]", "", line))
            found[re.search(r"(\w+)\.py", script)[1]] = options
    return found


def test_every_benchmark_is_documented_and_tested(repository):
    names = {path.stem for path in (repository / "benchmarks").glob("*.py")} - HELPERS
    assert names == set(SMALL) == set(documented(repository))


def measured(name, corpus, folder, repository):
    """Run a benchmark as documented, made small; return the figures that it wrote."""
    out = folder / f"{name}.json"
    places = {"FILE": str(corpus), "OUT": str(out)}
    options = [places.get(word, word) for word in documented(repository)[name]]
    if "--json" not in options:
        options += ["--json", str(out)]
    importlib.import_module(name).main([*options, *SMALL[name].split()])
    return read_json(out)


def numbers(value):
    """Yield every number in nested figures, those in texts apart by commas among them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("name", sorted(set(SMALL) - {"scale"}))
def test_it_runs_as_documented(name, corpus, tmp_path, repository, capsys):
    figures = measured(name, corpus, tmp_path, repository)
    found = list(numbers(figures))
    assert len(found) > 1
    assert np.isfinite(found).all()
    assert capsys.readouterr().out.strip()


def test_the_needs_of_a_large_text_are_worked_out(
    corpus, tmp_path, repository, capsys, monkeypatch
):
    scale = importlib.import_module("scale")
    alone = scale.in_a_process

    def here(step, folder, asked):
        if step == "cooccurrence":
            return alone(step, folder, asked)
        return scale.STEP_BY_NAME[step](folder, asked.words)

    monkeypatch.setattr(scale, "SHARES", (0.25, 0.5, 1.0))
    monkeypatch.setattr(scale, "DIMENSIONS", 8)
    monkeypatch.setattr(scale, "in_a_process", here)
    monkeypatch.setattr(scale.MEMORY, "peak", 2**20)
    runs = measured("scale", corpus, tmp_path, repository)
    first = capsys.readouterr().out
    assert [run["tokens"] for run in runs] == sorted(run["tokens"] for run in runs)
    assert np.isfinite(list(numbers(runs))).all()
    assert all(title in first for title, _ in scale.STEPS.values())
    scale.main(["--from", str(tmp_path / "scale.json"), "--tokens", "1e6"])
    assert capsys.readouterr().out == first
