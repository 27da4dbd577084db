"""Co-occurrence counts against a double loop over the text, spilled to disk or not."""

import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.counts.cooccurrence import Budget, Counts, count
from wordlab.errors import UserError
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.rng import stream

ROOMY = Budget(shard_tokens=10**6, block_cells=10**6, finished_bytes=10**9)
TIGHT = Budget(shard_tokens=5, block_cells=3, finished_bytes=16)


def settings(**changes) -> CooccurrenceParams:
    plain = {
        "window": 2,
        "dynamic_window": False,
        "weighting": "uniform",
        "side": "both",
        "subsample": 0.0,
        "subsample_formula": "reference",
        "memory_mb": 64,
    }
    return CooccurrenceParams(**{**plain, **changes})


def encoded(documents) -> EncodedCorpus:
    tokens = np.array([token for document in documents for token in document], np.int32)
    ends = np.cumsum([len(document) for document in documents], dtype=np.int64)
    ends = ends[np.diff(ends, prepend=0) > 0]
    return EncodedCorpus(tokens, ends, ends)


def vocabulary_of(size: int, documents=()) -> Vocabulary:
    seen = Counter(token for document in documents for token in document)
    return Vocabulary(
        tuple(f"w{i}" for i in range(size)), np.array([seen[i] + 1 for i in range(size)])
    )


def naive(documents, size: int, params: CooccurrenceParams, seed: int = 0) -> np.ndarray:
    """Count by a double loop, in float64."""
    widths = stream(seed, "cooccurrence", "window")
    weight = {
        "uniform": lambda d: 1.0,
        "inverse_distance": lambda d: 1.0 / d,
        "linear": lambda d: (params.window + 1 - d) / params.window,
    }[params.weighting]
    table = np.zeros((size, size))
    for document in documents:
        known = [token for token in document if token >= 0]
        for i, word in enumerate(known):
            width = params.window
            if params.dynamic_window:
                width = 1 + int(widths.random() * params.window)
            for j, context in enumerate(known):
                wanted = {"both": i != j, "left": j < i, "right": j > i}[params.side]
                if wanted and abs(i - j) <= width:
                    table[word, context] += weight(abs(i - j))
    return table


def same(one: Counts, other: Counts) -> bool:
    return all(
        getattr(one.matrix, name).tobytes() == getattr(other.matrix, name).tobytes()
        for name in ("data", "indices", "indptr")
    )


def test_three_words_by_hand():
    # a b c a: at distance 1 ab, bc, ca; at distance 2 ac, ba.
    corpus, vocabulary = encoded([[0, 1, 2, 0]]), vocabulary_of(3)
    dense = count(corpus, vocabulary, settings(), seed=0).matrix.toarray()
    assert dense.tolist() == [[0, 2, 2], [2, 0, 1], [2, 1, 0]]
    weighted = count(corpus, vocabulary, settings(weighting="inverse_distance"), seed=0)
    assert weighted.matrix.toarray().tolist() == [[0, 1.5, 1.5], [1.5, 0, 1], [1.5, 1, 0]]
    right = count(corpus, vocabulary, settings(side="right"), seed=0).matrix.toarray()
    assert right.tolist() == [[0, 1, 1], [1, 0, 1], [1, 0, 0]]
    left = count(corpus, vocabulary, settings(side="left"), seed=0).matrix.toarray()
    assert left.tolist() == right.T.tolist()


def test_windows_end_with_the_document_and_pass_over_unknown_words():
    vocabulary = vocabulary_of(3)
    apart = count(encoded([[0, 1], [2, 0]]), vocabulary, settings(), seed=0).matrix.toarray()
    assert apart.tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    gone = count(encoded([[0, -1, -1, -1, 1]]), vocabulary, settings(window=1), seed=0)
    assert gone.matrix.toarray()[0, 1] == 1


documents_of = st.lists(st.lists(st.integers(-1, 7), max_size=12), min_size=1, max_size=6)


@given(
    documents=documents_of,
    window=st.integers(1, 6),
    weighting=st.sampled_from(["uniform", "inverse_distance", "linear"]),
    side=st.sampled_from(["both", "left", "right"]),
    dynamic=st.booleans(),
    seed=st.integers(0, 3),
)
def test_equals_a_double_loop_spilled_or_not(documents, window, weighting, side, dynamic, seed):
    params = settings(window=window, weighting=weighting, side=side, dynamic_window=dynamic)
    corpus, vocabulary = encoded(documents), vocabulary_of(8, documents)
    expected = naive(documents, 8, params, seed)
    if not expected.any():
        with pytest.raises(UserError, match="no two words"):
            count(corpus, vocabulary, params, budget=ROOMY, seed=seed, threads=1)
        return
    roomy = count(corpus, vocabulary, params, budget=ROOMY, seed=seed, threads=1)
    np.testing.assert_allclose(roomy.matrix.toarray(), expected, rtol=1e-7)
    assert roomy.matrix.has_canonical_format
    assert (roomy.matrix.data > 0).all()
    assert same(roomy, count(corpus, vocabulary, params, budget=TIGHT, seed=seed, threads=2))


@pytest.mark.parametrize("subsample_formula", ["reference", "paper"])
def test_subsampling_drops_frequent_words_before_windows(subsample_formula):
    rng = np.random.default_rng(1)
    documents = [np.minimum(rng.geometric(0.3, 50) - 1, 9).tolist() for _ in range(10)]
    params = settings(subsample=0.05, subsample_formula=subsample_formula, weighting="linear")
    corpus, vocabulary = encoded(documents), vocabulary_of(10, documents)
    thinned = count(corpus, vocabulary, params, budget=ROOMY, seed=3, threads=1)
    assert same(thinned, count(corpus, vocabulary, params, budget=TIGHT, seed=3, threads=2))
    f = vocabulary.counts / vocabulary.counts.sum()
    keep = np.sqrt(0.05 / f) + (0.05 / f if subsample_formula == "reference" else 0)
    draws = stream(3, "cooccurrence", "subsample")
    kept = [[w for w in document if draws.random() < keep[w]] for document in documents]
    np.testing.assert_allclose(thinned.matrix.toarray(), naive(kept, 10, params), rtol=1e-7)


def test_linear_weights_are_the_expectation_of_dynamic_windows():
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 3, 60_000).tolist()]
    corpus, vocabulary = encoded(documents), vocabulary_of(3)
    dynamic = count(corpus, vocabulary, settings(window=4, dynamic_window=True), seed=0)
    linear = count(corpus, vocabulary, settings(window=4, weighting="linear"), seed=0)
    np.testing.assert_allclose(dynamic.matrix.toarray(), linear.matrix.toarray(), rtol=0.02)


def test_units_are_exact_as_far_as_32_bits_reach_and_within_float32_beyond():
    for window in (1, 10, 22):
        units, scale = cooccurrence.units_by_distance(
            settings(window=window, weighting="inverse_distance")
        )
        assert (units * np.arange(1, window + 1) == scale).all()
    units, scale = cooccurrence.units_by_distance(
        settings(window=100, weighting="inverse_distance")
    )
    np.testing.assert_allclose(units / scale, 1 / np.arange(1, 101), rtol=2.0**-24)


@pytest.mark.parametrize("budget", [ROOMY, TIGHT])
def test_progress_reaches_its_end(budget, monkeypatch: pytest.MonkeyPatch):
    totals, steps = [], []

    def counted(total, *names):
        totals.append(total)
        return nullcontext(SimpleNamespace(update=steps.append))

    monkeypatch.setattr(cooccurrence, "bar", counted)
    documents = [np.random.default_rng(0).integers(0, 5, 33).tolist()]
    count(encoded(documents), vocabulary_of(5), settings(), budget=budget, seed=0, threads=2)
    assert totals == [sum(steps)]


def test_only_dynamic_windows_and_subsampling_depend_on_the_seed():
    documents = [np.random.default_rng(0).integers(0, 5, 500).tolist()]
    corpus, vocabulary = encoded(documents), vocabulary_of(5)
    fixed = [count(corpus, vocabulary, settings(), seed=seed) for seed in (0, 1)]
    assert same(*fixed)
    for random in ({"dynamic_window": True}, {"subsample": 0.01}):
        drawn = [count(corpus, vocabulary, settings(**random), seed=seed) for seed in (0, 0, 1)]
        assert same(drawn[0], drawn[1])
        assert not same(drawn[0], drawn[2])


def test_saved_and_loaded(tmp_path: Path):
    counts = count(encoded([[0, 1, 2, 0]]), vocabulary_of(3), settings(), seed=0)
    counts.save(tmp_path / "counts")
    loaded = Counts.load(tmp_path / "counts")
    assert same(counts, loaded)
    assert loaded.vocabulary.words == counts.vocabulary.words
    assert (loaded.matrix.data.dtype, loaded.matrix.indices.dtype) == (np.float32, np.int32)
    assert not loaded.matrix.data.flags.owndata
    assert sorted(path.suffix for path in (tmp_path / "counts").iterdir()) == [
        ".npy", ".npy", ".npy", ".tsv",
    ]  # fmt: skip


MEASURED = """
import sys
import numpy as np
from wordlab.embeddings.counts.cooccurrence import count
from wordlab.progress import peak_mib
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary

def params(memory_mb):
    return CooccurrenceParams(
        window=10, dynamic_window=False, weighting="inverse_distance", side="both", subsample=0.0,
        subsample_formula="reference", memory_mb=memory_mb,
    )

rng = np.random.default_rng(0)
tokens = (20_000 * rng.random(700_000, np.float32) ** 3).astype(np.int32)
ends = np.array([len(tokens)])
vocabulary = Vocabulary(
    tuple(map(str, range(20_000))), np.bincount(tokens, minlength=20_000) + 1
)
few = EncodedCorpus(tokens[:100], np.array([100]), np.array([100]))
count(few, vocabulary, params(16), seed=0, threads=2)  # compiles
before = peak_mib()
counts = count(EncodedCorpus(tokens, ends, ends), vocabulary, params(32), seed=0, threads=2)
print(peak_mib() - before, counts.matrix.nnz * 8 / 2**20)
"""


def test_memory_stays_within_the_cap():
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True
    )
    grown, result = map(float, done.stdout.split())
    assert result > 32  # the result alone would not fit
    assert grown < 32
