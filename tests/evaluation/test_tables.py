"""Sets of word pairs, questions and relations as people publish them."""

from pathlib import Path

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import Notice, UserError
from wordlab.evaluation.comparison import comparison
from wordlab.evaluation.vectors import analogy, further, scores, similarity
from wordlab.evaluation.vectors.sets import EvaluationSets, read_sets
from wordlab.params.embeddings import EvaluationParams, RelationParams

BODY = "tiger\tcat\t7.35\nplane\tcar\t5.77\n"
HEADERS = {
    "numbers": "Word 1\tWord 2\tHuman (mean)\t1\t2\t3\n",
    "a year": "w1\tw2\t2013\t1\t2\t3\n",
    "names": "noun\tverb\tscore\tr1\tr2\tr3\n",
}
RATED = "tiger\tcat\t7.35\t9\t6\t8\nplane\tcar\t5.77\t6\t5\t6\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "set.txt"


def pairs_of(file: Path, text: str, encoding: str = "utf-8") -> similarity.WordPairs:
    file.write_text(text, encoding=encoding, newline="")
    return similarity.read_pairs(file, "set")


def held(text: str) -> list[str]:
    """Return the same table with each separator, and with quotes."""
    commas = text.replace("\t", ",")
    quoted = "\n".join(
        ",".join(f'"{cell}"' for cell in line.split("\t")) for line in text.splitlines()
    )
    return [
        text,
        commas,
        quoted,
        text.replace("\t", ";"),
        text.replace("\n", "\r\n"),
        "\ufeff" + text,
    ]


CASES = [
    *held(BODY),
    *(form for header in HEADERS.values() for form in held(header + RATED)),
    *held("\tword1\tword2\tscore\n0\ttiger\tcat\t7.35\n1\tplane\tcar\t5.77\n"),
    *held("0\ttiger\tcat\t7.35\n1\tplane\tcar\t5.77\n"),
    *held("id\tword1\tpos1\tword2\tpos2\tscore\np1\ttiger\tn\tcat\tn\t7.35\np2\tplane\tn\tcar\tn\t5.77\n"),
    *held("1\ttiger\tn\tcat\tn\tin a zoo\tat home\t7.35\n2\tplane\tn\tcar\tn\tup\ton\t5.77\n"),
    *held("word1\tword2\tHuman (SD)\tHuman (mean)\ntiger\tcat\t1\t7.35\nplane\tcar\t2\t5.77\n"),
    *held("word1\tword2\tN\trating\ntiger\tcat\t20\t7.35\nplane\tcar\t20\t5.77\n"),
    *held("word1\tword2\trating1\trating2\tmean\ntiger\tcat\t9\t5.7\t7.35\nplane\tcar\t5\t6\t5.77\n"),
    BODY.replace("\t", " "),
    BODY.replace("\t", "   "),
    BODY.replace("\t", " \t"),
    BODY.replace(".", ","),
    BODY.replace(".", ",").replace("\t", ";"),
    '"word1" "word2" "score"\n"1" "tiger" "cat" 7.35\n"2" "plane" "car" 5.77\n',  # R
    "tiger , cat, 7.35\nplane , car, 5.77\n",
    "Word1,Word2,2013\ntiger,cat,7.35\nplane,car,5.77",
]  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_the_words_and_their_score_are_found(file: Path, text: str) -> None:
    pairs = pairs_of(file, text)
    assert pairs.words == (("tiger", "cat"), ("plane", "car"))
    assert pairs.gold.tolist() == [7.35, 5.77]


def test_words_have_blanks_separators_numbers_and_quotes(file: Path) -> None:
    assert pairs_of(file, '"new york, ny","the ""big"" apple",9\n').words == (
        ("new york, ny", 'the "big" apple'),
    )
    assert pairs_of(file, "new york\tbig apple\t9\n").words == (("new york", "big apple"),)
    assert pairs_of(file, "7,seven,9.5,1\n8,eight,9,2\n").words == (("7", "seven"), ("8", "eight"))
    assert pairs_of(file, "a\x85\tb\u2028\t9\nc\td\t8\n").words == (("a", "b"), ("c", "d"))


def test_a_decimal_comma_among_commas_is_told(file: Path) -> None:
    with pytest.warns(UserWarning, match=r"7,35 in the first line .* write 7\.35"):
        pairs = pairs_of(file, "tiger,cat,7,35\nbook,paper,7,46\n")
    assert pairs.gold.tolist() == [7, 7]
    headed = "word1,word2,mean,judges\ntiger,cat,7,35\nbook,paper,6,46\n"
    assert pairs_of(file, headed).gold.tolist() == [7, 6]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tiger cat 7.35\nplane,car,5.77\n", "line 2: .* 3 columns with blanks between; found 1"),
        ("tiger,cat,7.35\nplane\tcar\t5.77\n", "line 2: .* with commas between; found 1"),
        ("tiger\tcat\t7.35\nnew york;city;6\n", "line 2: .* with tabs between; found 1"),
        ("tiger cat 7.35\nnew york city 6\n", "line 2: .* 3 columns .* found 4"),
        ("tiger,cat,7.35\nnew york, ny,city,6\n", "line 2: .* found 4"),
        ('tiger,cat,7.35\n"plane,car,5.77\n', "line 2: .*quote is not closed"),
        ("tiger,cat,7.35\nplane,car,n/a\nold,new,3,\n", "line 3: .* found 4"),
        ("tiger,cat,7.35,9\nplane,car,,6\nold,new,3,3\n", "line 2: expected two words and a score"),
        ("tiger,cat,nan,9\nplane,car,5,6\nold,new,3,3\n", "line 1: .* found 'nan'"),
        ("p1,tiger,cat,7.35\np2,plane,car,5\n", "line 2: .* found 'p2', which may be the name of"),
        ("the,0.1,0.2\ncat,0.3,0.4\n", "line 2: expected words in column 2; found numbers"),
        ("tiger,cat,7.3S\nplane,car,5\n", "line 1: .* found '7.3S'"),
        ("noun,verb,2013\ntiger,cat,7.35\nplane,car,5.77\n", "line 1: .* at most 7.35.* 2013"),
        ("tiger,cat,7.35\n,car,5.77\n", "line 2: expected two words"),
        ("tiger,cat,high\nplane,car,low\n", "line 2: expected two words and a score"),
        ("7.35,tiger,cat\n5.77,plane,car\n", "line 2: expected two words and a score"),
        ("7,tiger,cat,3\n7,plane,car,4\n", "line 2: expected words, or the numbers of rows"),
        ("tiger,cat,1_0\nplane,car,5.77\n", "line 1: "),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_line(file: Path, text: str, place: str) -> None:
    with pytest.raises(UserError, match=rf"set\.txt, {place}") as raised:
        pairs_of(file, text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused_with_its_line(file: Path, encoding: str) -> None:
    line = 2 if encoding == "latin-1" else 1
    with pytest.raises(UserError, match=rf"set\.txt, line {line}: not UTF-8 \(byte"):
        pairs_of(file, "a,b,1\nnaïve,simple,3\n", encoding)


def test_comments_that_look_like_pairs_are_said(file: Path) -> None:
    with pytest.warns(Notice, match=r"set\.txt: 1 lines that begin with # .* \(line 2\)"):
        pairs = pairs_of(file, "# the set\n#metoo\tmovement\t9\n# old\tnew\t2\n" + BODY)
    assert len(pairs) == 2
    file.write_text(": family\n# he she it they\nboy girl son daughter\n#c d e f\n")
    with pytest.warns(Notice, match=r"set\.txt: 1 lines that begin with # .* \(line 4\)"):
        assert len(analogy.read_questions(file)) == 1


def test_a_section_that_may_be_a_question_is_refused(file: Path) -> None:
    file.write_text(": family\nboy girl son daughter\n:) :( happy sad\n")
    with pytest.raises(UserError, match=r"set\.txt, line 3: expected four words or `: section`"):
        analogy.read_questions(file)


def test_relations_have_quotes_and_a_header(file: Path) -> None:
    expected = {"synonyms": [("big", "large")]}
    for text in (
        "synonyms\tbig\tlarge\n",
        '\ufeff"synonyms"\t"big"\t"large"\r\n',
        "relation\tword1\tword2\nsynonyms\tbig\tlarge\n",
        "relation\tfirst\tsecond\nsynonyms\tbig\tlarge\n",
        "word1\tword2\trelation\nbig\tlarge\tsynonyms\n",
        "word2\tkind\tword1\nlarge\tsynonyms\tbig\n",
        "\tword1\tword2\nsynonyms\tbig\tlarge\n",
    ):
        file.write_text(text, encoding="utf-8")
        assert further.read_relations(file) == expected
    file.write_text("source\ttarget\trelation\nbig\tlarge\tsynonyms\n")
    with pytest.raises(UserError, match=r"line 1: expected a relation first, or columns that a"):
        further.read_relations(file)
    file.write_text("0\tsynonyms\tbig\tlarge\n")
    with pytest.raises(UserError, match=r"line 1: expected a relation and two words"):
        further.read_relations(file)


PARAMS = {
    "similarity": [{"name": "own", "path": "sets/pairs.txt"}],
    "analogies": {
        "path": "~/questions.txt",
        "methods": ["3cosadd"],
        "restrict_vocabulary": None,
    },
    "ignore_case": True,
    "resamples": 100,
    "confidence": 0.95,
}


@pytest.mark.parametrize("temporary", [False, True])
def test_paths_start_at_the_main_repository_and_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: bool
) -> None:
    root = tmp_path / "main"
    (root / "sets").mkdir(parents=True)
    (root / "sets/pairs.txt").write_text(BODY)
    (root / "sets/relations.tsv").write_text("synonyms\tbig\tlarge\n")
    (tmp_path / "questions.txt").write_text(": family\nboy girl son daughter\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(root)
    if temporary:  # as DVC runs experiments of the queue, and those with --temp
        (tmp_path / "copy").mkdir()
        monkeypatch.chdir(tmp_path / "copy")
        monkeypatch.setenv("DVC_ROOT", str(root))
    found = read_sets(EvaluationParams.model_validate(PARAMS))
    assert found.pairs[0].words[0] == ("tiger", "cat")
    assert found.questions.words == (("boy", "girl", "son", "daughter"),)
    asked = RelationParams(path="sets/relations.tsv", wordnet=0)
    vocabulary = Vocabulary(("big", "large"), np.array([2, 1]))
    assert comparison.listed_pairs(asked, vocabulary) == {"synonyms": [("big", "large")]}


def test_hardly_any_known_word_is_said_with_two_of_the_unknown(file: Path) -> None:
    pairs = pairs_of(file, "".join(f"w{i}\tv{i}\t{i}\n" for i in range(40)))
    words = tuple((f"a{i}", "b", "c", "d") for i in range(40))
    questions = analogy.Questions(words, ("s",), np.zeros(40, np.int64))
    sets, params = EvaluationSets((pairs,), questions), EvaluationParams.model_validate(PARAMS)

    def known(*words: str) -> None:
        matrix = np.eye(len(words), dtype=np.float32)
        found = Vectors(Vocabulary(words, np.arange(len(words), 0, -1)), matrix)
        scores.evaluate(found, params, seed=1, sets=sets)

    enough = ["a1", "a2", "b", "c", "d"]
    with pytest.warns(Notice, match="set: of 40 pairs, 1 have .* for example, 'w0' and 'v0'"):
        known("w5", "v5", *enough)
    with pytest.warns(Notice, match="analogies: of 40 questions, 1 have .* 'a0' and 'a2'"):
        known("w5", "v5", "w6", "v6", "a1", "b", "c", "d")
    known("w5", "v5", "w6", "v6", *enough)
