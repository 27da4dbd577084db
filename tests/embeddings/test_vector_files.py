"""Files of word vectors as people publish them: read, or refused with the place in them."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats
from wordlab.embeddings.reading import read, reading
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import Notice, UserError

PLAIN = b"the 0.1 0.2\ncat 0.3 0.4\n"


@pytest.fixture
def file(tmp_path):
    """Return a function that writes bytes to a file and returns its path."""

    def written(content, name="v"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return written


def binary(entries, dimensions=2, announced=None):
    head = b"%d %d\n" % (announced or len(entries), dimensions)
    return head + b"".join(word + b" " + np.array(row, "<f4").tobytes() for word, row in entries)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        b"\xef\xbb\xbf2 2\n" + PLAIN,
        PLAIN.replace(b" ", b"\t"),
        b"2\t2\r\n" + PLAIN.replace(b"\n", b"\t\r\n"),
        b"the\t0.1 0.2\ncat\t0.3 0.4",
        PLAIN.replace(b" ", b"  "),
        b"2 2\n" + PLAIN + b"\n\n",
        binary([(b"the", [0.1, 0.2]), (b"cat", [0.3, 0.4])]),
        binary([(b"the", [0.1, 0.2]), (b"\ncat", [0.3, 0.4]), (b"\n", [])][:2]) + b"\n",
    ],
)
def test_a_file_is_read_whatever_marks_and_separates_it(file, content):
    found = read(file(content))
    assert found.vocabulary.words == ("the", "cat")
    np.testing.assert_array_equal(found.matrix, np.array([[0.1, 0.2], [0.3, 0.4]], np.float32))


def test_words_have_blanks_of_their_own(file):
    content = "a 1 2 \r\n. . . 3 4\nat b.example 5 6\nnew\u00a0york 7 8\n\x85 9 1\n12 3 4\n"
    found = read(file(content.encode()))
    assert found.vocabulary.words == ("a", ". . .", "at b.example", "new\u00a0york", "\x85", "12")
    assert found.matrix[:3].tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "line 1: in no known format"),
        (b"the cat sat on the mat\n", "line 1: in no known format"),
        (b"the,0.1,0.2\ncat,0.3,0.4\n", "line 1: in no known format"),
        (b"the 1234\ncat 99\n", "line 1: in no known format"),  # words and counts
        (PLAIN.decode().encode("utf-16"), "line 1: in no known format"),
        (b"\x80\x04\x95 a pickle\n", "line 1: in no known format"),
        (b'{"the": [0.1, 0.2]}\n', "line 1: in no known format"),
        (b"tiger\tcat\t7.35\t9\nplane\tcar\t5.77\t6\n", "line 1: several words and 2 numbers"),
        (b"tiger cat 7.35 9\n", "line 1: several words and 2 numbers"),
        (
            b"Word 1\tWord 2\tmean\t1\t2\nlove\tsex\t6\t9\t6\n",
            "line 1: several words and 2 numbers",
        ),
        (b"word 0 1 2 3 4 5 6 7 8 9\na 1 2 3 4 5 6 7 8 9 0\n", "line 1: names of columns"),
        (b"0 5\n", "line 1: announces no vectors"),
        (b"2 3\n", "cut off"),
        (b"2 3\nthe 0.1 0.2\n", "line 2: expected a word and 3 numbers"),
        (b"2 3\na 1 2 3\n", "line 2: the end after 1 words; expected 2"),
        (b"1 2\na 1 2\nb 1 2\n", "line 3: the end after 2 words; expected 1"),
        (b"a 1 2\nb 1\n", "line 2: expected a word and 2 numbers"),
        (b"a 1 2\nb 1 2 3\n", "line 2: expected a word and 2 numbers"),
        (b"a 1 2\nb 1 x\n", "line 2: expected a word and 2 numbers"),
        (b"a 1 2\nb 1_0 2\n", "line 2: expected a word and 2 numbers"),
        (b"a 1 2\n\n 1 2\n", "line 3: expected a word and 2 numbers"),
        (binary([(b"a", [1, 2]), (b"b", [1, 2])])[:-1], r"word 2 \(byte 14\): cut off"),
        (binary([(b"a", [1, 2])]) + b"b \0\0", "byte 14: more than the 1 words"),
        (b"999999999999999 999999\na \0\0\0\0", "announces 999,999,999,999,999 words"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_place(file, content, place):
    path = file(content)
    with pytest.raises(UserError, match=place) as raised:
        read(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none: not found; expected a file of vectors"):
        read(tmp_path / "none")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e39"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_word_without_finite_numbers_is_left_out_and_said(file, number, packed):
    if packed:
        rows = [(b"the", [1, 2]), (b"bad", [1, float(number)]), (b"cat", [3, 4])]
        with np.errstate(over="ignore"):
            path = file(binary(rows))
    else:
        path = file(f"the 1 2\nbad 1 {number}\ncat 3 4\n".encode())
    with pytest.warns(Notice, match=r"1 of 3 words have numbers that are NaN .* \('bad'\)"):
        found = read(path)
    assert found.vocabulary.words == ("the", "cat")
    assert found.matrix.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UserError, match="no word vectors in it"):
        read(file(b"a nan 1\nb 1 nan\n"))


def test_a_saved_model_with_nan_is_refused(tmp_path):
    matrix = np.array([[1, 2], [np.nan, 1]], np.float32)
    Vectors(Vocabulary(("the", "cat"), np.array([2, 1])), matrix).save(tmp_path)
    with pytest.raises(UserError, match="vectors.npy: the vector of 'cat' has NaN"):
        Vectors.load(tmp_path)


def test_of_a_word_that_occurs_twice_the_first_is_kept(file):
    rows = [(b"a", [1, 2]), (b"b", [3, 4]), (b"a", [5, 6]), (b"c", [7, 8]), (b"c", [9, 9])]
    text = b"a 1 2\nb 3 4\na 5 6\nc 7 8\nc 9 9\n"
    for content in (text, b"5 2\n" + text, binary(rows)):
        path = file(content)
        with pytest.warns(Notice, match=r"2 of 5 words repeat .* left out \('a', 'c'\)"):
            found = read(path)
        assert found.vocabulary.words == ("a", "b", "c")
        assert found.matrix.tolist() == [[1, 2], [3, 4], [7, 8]]
        assert reading(path, words=2).remarks() == []


@pytest.mark.parametrize("form", ["text", "binary"])
def test_a_word_cut_within_a_character_is_mended_or_dropped(file, form):
    cut = "caf\u00e9".encode()[:-1]
    whole = "\ufffd".encode()  # a word of its own, not a mended one
    path = file(
        binary([(b"a", [1, 2]), (cut, [3, 4]), (whole, [5, 6])])
        if form == "binary"
        else b"a 1 2\n" + cut + b" 3 4\n" + whole + b" 5 6\n"
    )
    with pytest.warns(Notice, match="1 of 3 words are not UTF-8 and are mended"):
        assert read(path).vocabulary.words == ("a", "caf\ufffd", "\ufffd")
    with pytest.warns(Notice, match="1 of 3 words are not UTF-8 and are left out"):
        assert read(path, undecodable="drop").vocabulary.words == ("a", "\ufffd")


def tarred(content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("vectors.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("content", [PLAIN, b"2 2\n" + PLAIN, binary([(b"the", [1, 2])])])
@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("v.vec.gz", gzip.compress),
        ("v.bin.gz", gzip.compress),
        ("v.txt.bz2", bz2.compress),
        ("v.xz", lzma.compress),
        ("v.tar.gz", tarred),
        ("v.zip", lambda content: zipped(**{"v.txt": content})),
    ],
)
def test_packed_files_are_read_in_place(file, content, name, pack):
    assert read(file(pack(content), name)).vocabulary.words[0] == "the"
    with pytest.raises(UserError, match=name):
        read(file(pack(content * 50)[:-30], f"cut.{name}"))


def test_one_file_of_several_in_an_archive_has_the_archive_before_its_name(file):
    members = {"glove/a.txt": PLAIN, "glove/b.txt": b"b 1 2\n", "__MACOSX/glove/._a.txt": b"\0"}
    path = file(zipped(**members, **{".DS_Store": b"\0"}), "glove.zip")
    with pytest.raises(UserError, match="expected one file .*; it has .*zip/a.txt, .*zip/b.txt"):
        read(path)
    with pytest.raises(UserError, match="c.txt: expected one file of vectors"):
        read(path / "c.txt")
    assert read(path / "b.txt").vocabulary.words == ("b",)
    members.pop("glove/b.txt")
    assert read(file(zipped(**members), "one.zip")).vocabulary.words == ("the", "cat")


@pytest.mark.parametrize("kind", ["word2vec_binary", "word2vec_text", "glove_text"])
def test_a_large_file_is_read_into_one_matrix(tmp_path, kind):
    words, dimensions = (20_000, 300) if kind == "word2vec_binary" else (1_500, 300)
    matrix = np.random.default_rng(0).normal(size=(words, dimensions)).astype(np.float32)
    names = Vocabulary(tuple(map(str, range(words))), np.arange(words, 0, -1))
    formats.write(Vectors(names, matrix), tmp_path / "v", kind)
    tracemalloc.start()
    found = read(tmp_path / "v")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found.matrix, matrix)
    assert peak < 1.5 * matrix.nbytes
