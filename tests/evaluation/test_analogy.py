"""The analogy scores against gensim, against the formulas word by word, and on small spaces."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from gensim.models import KeyedVectors, Word2Vec
from gensim.test.utils import datapath
from scipy.stats import norm

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.statistics import CrossedResamples, combined, over_seeds
from wordlab.evaluation.vectors import analogy, by_name
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.evaluation.vectors.similarity import DenseSpace, Space, SparseSpace, numbered
from wordlab.published import packaged

METHODS = ("3cosadd", "3cosmul", "pair_direction")


@pytest.fixture(scope="module")
def packaged_questions() -> Questions:
    return analogy.read_questions(packaged("google"))


def vocabulary_of(words: list[str]) -> Vocabulary:
    return Vocabulary(tuple(words), np.arange(len(words), 0, -1, dtype=np.int64))


def questions_of(*words: tuple[str, str, str, str]) -> Questions:
    return Questions(words, ("family",), np.zeros(len(words), dtype=np.int64))


def offset_vectors(questions: Questions, *, spellings: bool, seed: int) -> Vectors:
    """Vectors in which b is near a + the section's offset, so that many answers are right."""
    random = np.random.default_rng(seed)
    place: dict[str, np.ndarray] = {}
    offsets = random.standard_normal((len(questions.sections), 20))
    for (a, b, _, _), section in zip(questions.words, questions.section, strict=True):
        place.setdefault(a.lower(), random.standard_normal(20))
        place.setdefault(b.lower(), place[a.lower()] + offsets[section])
    words = random.permutation(sorted(place)).tolist()[: int(0.9 * len(place))]
    if spellings:
        words += [word.title() for word in words[::3]]
    matrix = np.stack([place[word.lower()] for word in words])
    matrix += 0.35 * random.standard_normal(matrix.shape)
    return Vectors(vocabulary_of(words), matrix.astype(np.float32))


def gensim_verdicts(vectors: Vectors, *, restrict: int) -> list[tuple[str, ...]]:
    keyed = KeyedVectors(vectors.matrix.shape[1])
    keyed.add_vectors(list(vectors.vocabulary.words), vectors.matrix)
    _, sections = keyed.evaluate_word_analogies(str(packaged("google")), restrict_vocab=restrict)
    return [
        (section["section"], verdict, *question)
        for section in sections[:-1]
        for verdict in ("correct", "incorrect")
        for question in section[verdict]
    ]


@pytest.mark.parametrize("spellings", [False, True])
@pytest.mark.parametrize("restrict", [700, 10_000])
def test_every_question_is_answered_as_gensim_answers_it(
    packaged_questions: Questions, spellings: bool, restrict: int
) -> None:
    vectors = offset_vectors(packaged_questions, spellings=spellings, seed=1)
    before = vectors.matrix.copy()
    result = analogy.score(
        DenseSpace(vectors),
        packaged_questions,
        "3cosadd",
        ignore_case=True,
        restrict_vocabulary=restrict,
    )
    ours = [
        (
            packaged_questions.sections[packaged_questions.section[i]],
            "correct" if result.correct[i] else "incorrect",
            *(word.upper() for word in question),
        )
        for i, question in enumerate(packaged_questions.words)
        if result.known[i]
    ]
    theirs = gensim_verdicts(vectors, restrict=restrict)
    assert sorted(ours) == sorted(theirs)
    assert 0.1 < result.accuracy(packaged_questions.group("total")) < 0.9
    np.testing.assert_array_equal(vectors.matrix, before)


@pytest.fixture(scope="module")
def trained() -> Vectors:
    """Vectors that gensim learnt from 300 news articles."""
    model = Word2Vec(
        corpus_file=datapath("lee_background.cor"),
        vector_size=30,
        window=5,
        min_count=2,
        sg=1,
        epochs=5,
        seed=1,
        workers=1,
    )
    return Vectors(vocabulary_of(model.wv.index_to_key), model.wv.vectors)


@pytest.mark.parametrize("kind", ["random", "trained"])
def test_every_answer_is_the_word_that_gensim_gives(kind: str, trained: Vectors) -> None:
    random = np.random.default_rng(4)
    words = list(trained.vocabulary.words)
    drawn = random.standard_normal(trained.matrix.shape).astype(np.float32)
    vectors = trained if kind == "trained" else Vectors(trained.vocabulary, drawn)
    fours = [random.choice(words, 4, replace=False).tolist() for _ in range(400)]
    questions = questions_of(*[(a, b, c, d) for a, b, c, d in fours])
    result = analogy.score(DenseSpace(vectors), questions, "3cosadd", ignore_case=False)
    keyed = KeyedVectors(30)
    keyed.add_vectors(words, vectors.matrix)
    expected = [
        keyed.most_similar(positive=[b, c], negative=[a], topn=1)[0][0] for a, b, c, _ in fours
    ]
    assert list(result.answers) == expected


def reference(vectors: Vectors, asked: tuple[int, int, int], method: str) -> int:
    """The best row by the formula of the method, in float64, one word after the other."""
    unit = vectors.matrix.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    a, b, c = unit[list(asked)]
    if method == "3cosadd":
        scores = unit @ (b - a + c)
    elif method == "3cosmul":
        scores = (unit @ b + 1) / 2 * (unit @ c + 1) / 2 / ((unit @ a + 1) / 2 + 1e-3)
    else:
        difference = unit - c
        lengths = np.maximum(np.linalg.norm(difference, axis=1), 1e-3)
        scores = difference @ (b - a) / lengths
    scores[list(asked)] = -np.inf
    return int(scores.argmax())


@pytest.mark.parametrize("method", METHODS)
def test_answers_follow_the_formula_across_blocks(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analogy, "WORDS", 37)
    monkeypatch.setattr(analogy, "QUESTIONS", 5)
    monkeypatch.setattr(analogy, "STRETCH", 8)
    random = np.random.default_rng(2)
    words = [f"w{i}" for i in range(200)]
    vectors = Vectors(vocabulary_of(words), random.standard_normal((200, 8)).astype(np.float32))
    asked = [tuple(random.choice(200, 4, replace=False).tolist()) for _ in range(83)]
    questions = questions_of(*[tuple(words[i] for i in four) for four in asked])
    result = analogy.score(DenseSpace(vectors), questions, method, ignore_case=False)
    expected = [words[reference(vectors, (a, b, c), method)] for a, b, c, _ in asked]
    assert list(result.answers) == expected


@pytest.mark.parametrize("method", METHODS)
def test_sparse_rows_answer_as_the_same_rows_made_dense(method: str) -> None:
    random = np.random.default_rng(3)
    dense = random.standard_normal((120, 40)) * (random.random((120, 40)) < 0.4)
    words = [f"w{i}" for i in range(120)]
    fours = [tuple(random.choice(120, 4, replace=False).tolist()) for _ in range(60)]
    questions = questions_of(*[tuple(words[i] for i in four) for four in fours])
    spaces: list[Space] = [
        DenseSpace(Vectors(vocabulary_of(words), dense.astype(np.float32))),
        SparseSpace(vocabulary_of(words), scipy.sparse.csr_array(dense)),
    ]
    answers = [
        analogy.score(space, questions, method, ignore_case=False).answers for space in spaces
    ]
    assert answers[0] == answers[1]


def test_3cosmul_multiplies_the_cosines_of_rows_without_negative_entries() -> None:
    random = np.random.default_rng(5)
    matrix = random.random((60, 30)) * (random.random((60, 30)) < 0.5)
    words = [f"w{i}" for i in range(60)]
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    fours = [tuple(random.choice(60, 4, replace=False).tolist()) for _ in range(50)]
    questions = questions_of(*[tuple(words[i] for i in four) for four in fours])
    space = SparseSpace(vocabulary_of(words), scipy.sparse.csr_array(matrix))
    expected = []
    for a, b, c, _ in fours:
        scores = (unit @ unit[b]) * (unit @ unit[c]) / (unit @ unit[a] + 1e-3)
        scores[[a, b, c]] = -np.inf
        expected.append(words[int(scores.argmax())])
    result = analogy.score(space, questions, "3cosmul", ignore_case=False)
    assert list(result.answers) == expected


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_parallelogram_is_completed(
    method: str, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", threads)
    words = ["man", "woman", "king", "queen", "stone", "nothing"]
    matrix = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    vectors = Vectors(vocabulary_of(words), np.array(matrix, dtype=np.float32))
    questions = questions_of(
        ("man", "woman", "king", "queen"),
        ("Man", "Woman", "King", "Queen"),
        ("man", "woman", "king", "king"),
        ("man", "woman", "emperor", "empress"),
    )
    result = analogy.score(DenseSpace(vectors), questions, method, ignore_case=False)
    assert result.answers == ("queen", None, "queen", None)
    assert result.correct.tolist() == [True, False, False, False]
    everything = questions.group("total")
    assert result.accuracy(everything) == 0.5
    assert result.accuracy(everything, unknown=True) == 0.25
    folded = analogy.score(DenseSpace(vectors), questions, method, ignore_case=True)
    assert folded.correct.tolist() == [True, True, False, False]


def test_a_space_without_cosines_gives_no_answers() -> None:
    words = ["a", "b", "c", "d"]
    space = SparseSpace(vocabulary_of(words), scipy.sparse.csr_array((4, 4)))
    result = analogy.score(space, questions_of(("a", "b", "c", "d")), "3cosmul", ignore_case=False)
    assert result.answers == (None,)
    assert result.known.all() and not result.correct.any()


def test_no_questions_have_no_accuracy(tmp_path: Path) -> None:
    file = tmp_path / "empty.txt"
    file.write_text("// nothing\n: family\n")
    with pytest.warns(UserWarning, match="no analogy questions"):
        questions = analogy.read_questions(file)
    vectors = Vectors(vocabulary_of(["a"]), np.ones((1, 2), dtype=np.float32))
    result = analogy.score(DenseSpace(vectors), questions, "3cosadd", ignore_case=True)
    assert len(questions) == 0
    assert np.isnan(result.accuracy(questions.group("total")))


def test_groups_of_the_packaged_questions(packaged_questions: Questions) -> None:
    sizes = [
        int(packaged_questions.group(name).sum()) for name in ("semantic", "syntactic", "total")
    ]
    assert sizes == [8869, 10675, 19544]


def test_no_section_of_grammar_leaves_open_which_questions_are_semantic() -> None:
    questions = Questions((("go", "went", "see", "saw"),), ("verbs: past",), np.zeros(1, np.int64))
    sizes = [int(questions.group(name).sum()) for name in ("semantic", "syntactic", "total")]
    assert sizes == [0, 0, 1]


def test_words_that_pairs_of_any_section_join_are_one_part() -> None:
    asked = (
        ("oslo", "norway", "rome", "italy"),
        ("italy", "lira", "Norway", "krone"),
        ("sweden", "krone", "big", "bigger"),
        ("oslo", "norway", "norway", "krone"),
    )
    questions = Questions(asked, ("one", "two"), np.array([0, 1, 1, 0]))
    first, second = questions.parts()
    north, italy, big = first[0], second[0], second[2]
    assert len({north, italy, big}) == 3
    assert first.tolist() == [north, italy, north, north]
    assert second.tolist() == [italy, north, big, north]


def test_intervals_cover_so_often_where_words_have_effects() -> None:
    """The questions on countries, whose sections share words; parts of pairs cover less."""
    every, random = by_name.questions(None), np.random.default_rng(3)
    names = ("capital-common-countries", "currency", "gram6-nationality-adjective")
    among = np.isin(every.section, [every.sections.index(name) for name in names])
    asked = [words for words, kept in zip(every.words, among.tolist(), strict=True) if kept]
    number = {word: i for i, word in enumerate(sorted({word for one in asked for word in one}))}
    ids = np.array([[number[word] for word in words] for words in asked])
    pairs = numbered(((a, b), (c, d)) for a, b, c, d in asked)
    clusters = tuple(ends[among] for ends in every.parts())
    truth = norm.cdf(-0.4 / 2**0.5)
    covered = dict.fromkeys(("clusters", "pairs"), 0)
    for _ in range(150):
        effects = random.normal(0, 0.5, len(number))[ids].sum(axis=1)
        right = -0.4 + effects + random.normal(size=len(ids)) > 0
        for name, parts in (("clusters", clusters), ("pairs", pairs)):
            means = CrossedResamples.draw(*parts, 150, random).means(right)
            drawn = combined(over_seeds(means[None], random))
            low, high = np.quantile(drawn, [0.025, 0.975])
            covered[name] += bool(low <= truth <= high)
    assert 0.9 <= covered["clusters"] / 150 <= 0.985
    assert covered["clusters"] > covered["pairs"]


def test_questions_of_one_cluster_have_an_interval() -> None:
    """States of one country: every question is of the same words, so questions are drawn."""
    cities = [f"c{number}" for number in range(8)]
    asked = tuple((a, "state", b, "state") for a in cities for b in cities if a != b)
    first, second = Questions(asked, ("one",), np.zeros(len(asked), int)).parts()
    assert {*first, *second} == {0}
    random = np.random.default_rng(1)
    right = random.random(len(asked)) < 0.6
    means = CrossedResamples.draw(first, second, 400, random).means(right)
    low, high = np.quantile(combined(over_seeds(means[None], random)), [0.025, 0.975])
    width = 2 * 1.96 * (right.mean() * (1 - right.mean()) / len(asked)) ** 0.5
    assert low < right.mean() < high and high - low == pytest.approx(width, rel=0.2)


def test_a_pair_is_the_same_in_either_half_of_a_question() -> None:
    first, second = questions_of(("a", "b", "c", "d"), ("c", "d", "a", "b")).parts()
    assert first.tolist() == [0, 1]
    assert second.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a b c d\n", "line 1: expected `: section` before"),
        (": family\na b c\n", "line 2: expected four words"),
        (": family\na b c d e\n", "line 2: expected four words"),
    ],
)
def test_malformed_questions_are_refused(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=complaint):
        analogy.read_questions(file)
