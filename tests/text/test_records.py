"""JSON, CSV, Parquet and WikiExtractor's output, as people write them."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_formats import notes_of, read, refused

from wordlab.text import readers
from wordlab.text.documents import Document, Notes
from wordlab.text.lines import LONGEST_LINE


def written(tmp_path, text):
    path = tmp_path / "corpus"
    path.write_text(text, encoding="utf-8")
    return path


OBJECTS = [{"title": "A", "text": "One."}, {"id": 2, "text": ["Two.", "Three."]}]
DOCUMENTS = [Document("A", "One."), Document(None, "Two.\nThree.")]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=2) + "\n",
        "\n\n [\n" + ",\n".join(map(json.dumps, OBJECTS)) + "\n]\n",
        "\n".join(map(json.dumps, OBJECTS)),
        "\n\n".join(json.dumps(one, indent=1) for one in OBJECTS) + "\n",
        "".join(map(json.dumps, OBJECTS)),
    ],
)
def test_an_array_or_a_sequence_of_objects_however_it_is_laid_out(tmp_path, text):
    assert read(written(tmp_path, text)) == DOCUMENTS


def test_an_array_of_texts_and_a_key_of_one_s_own(tmp_path):
    assert read(written(tmp_path, '["One.", "Two."]')) == [
        Document(None, "One."),
        Document(None, "Two."),
    ]
    path = written(tmp_path, '{"text": "no", "body": "yes"}')
    assert read(path, column="body") == [Document(None, "yes")]
    assert read(written(tmp_path, "[]")) == []


@pytest.mark.parametrize("size", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 300_000])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_line_of_any_length_with_and_without_an_end(tmp_path, size, end):
    text = "x" * (size - len('{"text": ""}'))
    line = json.dumps({"text": text})
    assert len(line) == size
    for whole in (line + end, '{"text": "a"}\n' + line + end):
        assert read(written(tmp_path, whole))[-1] == Document(None, text)


@pytest.mark.parametrize("text", ["[Emma by Jane Austen 1816]\n\nI", '["Hello," he said]', "{x} y"])
def test_prose_that_begins_with_a_bracket_is_no_json(tmp_path, text):
    assert "".join(document.text for document in read(written(tmp_path, text)))[0] == text[0]


def test_records_without_text_are_counted_and_titles_may_be_numbers(tmp_path):
    lines = [
        '{"text": null}',
        '{"title": 1984, "text": "War."}',
        '{"text": " \\n"}',
        '{"text": []}',
    ]
    path = written(tmp_path, "\n".join(lines))
    assert read(path) == [Document("1984", "War.")]
    assert notes_of(path).left_out == {"records without text": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "a"}\nnull\n', "line 2: found null; expected a JSON object"),
        ('null\n{"text": "a"}\n', "line 1: found null"),
        ('[null,"Hello there","Bye"]', "line 1: found null"),
        ('[null, {"text": "a b"}]', "line 1: found null"),
        ('{"text": "a"}\n\n17\n', "line 3: found 17; expected a JSON object"),
        ('{"text": "a"}\n{"text": "b", "text": "c"}\n', "line 2: the key text is twice"),
        ('{"text": "a"}\n{"text": "b", "x": [{"y": 1, "y": 2}]}\n', "line 2: the key y is twice"),
        ('{"text": "a"}\n{"text": 5}\n', "line 2: text holds 5; expected a text"),
        ('{"data": [{"text": "a"}]}\n', "line 1: data holds .*expected a text or a list of texts"),
        ('{"text": "a"}\n{"text": "b"\n{"text": "c"}\n', "line 3: Expecting ',' delimiter"),
        ('{"text": "a"}\n{"text": "b', "line 2: Unterminated string"),
        ('{"body": "a"}\n', "line 1: expected one of the keys .*found body; corpus.column names"),
        ('[{"text": "a"},\n{"text": "b"}\n', "line 3: cut off"),
        ('[{"text": "a"}\n{"text": "b"}]', "line 2: cut off or without a comma"),
        ('[["a", "b"], ["c"]]', r'line 1: found \["a", "b"\]; expected a JSON object'),
        ('[{"text": "a"}]\nmore', "line 2: text follows the array"),
        ('{"text": "a"}\n{"text": "b", "n": ' + "1" * 5000 + "}", "line 2: a number too long"),
        ('{"text": ' + "[" * 100_000, "line 1: brackets too deep"),
        ('{"text": "a"}\n' * 5 + '{"text": a}\n' + '{"text": "a"}\n' * 9999, "line 6: Expecting v"),
    ],
)
def test_json_that_is_damaged_is_refused_with_its_line(tmp_path, text, message):
    refused(tmp_path, text.encode(), message)


def test_half_an_emoji_is_replaced_and_counted_and_two_halves_are_one(tmp_path):
    path = written(tmp_path, r'{"title": "\udc00", "text": "a \ud83d b \ud83d\ude00"}')
    assert read(path) == [Document("\ufffd", "a \ufffd b 😀")]
    assert notes_of(path).left_out == {"halves of characters replaced by �": 2}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["corpus", "corpus.csv", "corpus.tsv"])
def test_csv_is_read_by_its_column_whatever_separates_it(tmp_path, separator, name):
    rows = [["", "title", "text"], ["0", "A", '"One,; |\tor ""two"".\n\nThree."'], ["1", "B", ""]]
    path = tmp_path / name
    path.write_text("\r\n".join(separator.join(row) for row in rows) + "\r\n", newline="")
    assert read(path) == [Document("A", 'One,; |\tor "two".\nThree.')]
    assert notes_of(path).left_out == {"records without text": 1}


def test_a_csv_of_one_column_and_one_with_a_long_cell(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("text\n" + "word " * 100_000 + "\n")
    assert read(path) == [Document(None, ("word " * 100_000).strip())]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,text\n1,a\n2,b, c\n", "line 3: 3 columns; expected 2, as the first line has"),
        ('id,text\n1,"a" b\n', "line 2: .*expected CSV"),
        ('id,text\n1,"a\n2,b\n', "line 3: .*expected CSV"),
        ("text,text\na,b\n", "line 1: 2 columns are called 'text'; expected one"),
        ("\n\n\nid,text\n1,a\n2\n", "line 6: 1 columns; expected 2"),
        ("id,body\n1,a\n", "corpus.column: .*no column 'text'.*'id,body'"),
    ],
)
def test_csv_that_is_damaged_is_refused_with_its_line(tmp_path, text, message):
    refused(tmp_path, text.encode(), message, name="corpus.csv")


def test_cells_that_stand_for_nothing_are_no_text(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("text,label\nNA,1\nNULL,2\n,3\nWar.,4\n")
    assert read(path) == [Document(None, "War.")]
    assert notes_of(path).left_out == {"records without text": 3}


@pytest.mark.parametrize("name", ["corpus", "corpus.csv.gz", "corpus.TSV"])
def test_a_table_without_the_column_is_not_read_as_prose(tmp_path, name):
    text = "id\tbody\n1\ta\n2\tb\n3\tc\n"
    refused(tmp_path, gzip.compress(text.encode()), "no column 'text'.*'id.*body'", name=name)


@pytest.mark.parametrize(
    "text", ["A text, with commas\nand, text\n", "a, b\nc, d\ne, f\ng, h", "a;b\nc\n", "\n a,b\nc"]
)
def test_prose_with_commas_is_no_csv(tmp_path, text):
    (document,) = read(written(tmp_path, text))
    assert document.text == text.strip()


def test_parquet_with_empty_rows_categories_and_titles_of_numbers(tmp_path):
    path = tmp_path / "corpus"
    text = pa.array(["One.", None, " ", "One."]).dictionary_encode()
    pq.write_table(pa.table({"text": text, "title": [1984, 1, 2, None]}), path)
    assert read(path) == [Document("1984", "One."), Document(None, "One.")]
    assert notes_of(path).left_out == {"records without text": 2}


def test_parquet_that_is_damaged_or_has_the_column_twice_is_refused(tmp_path):
    table, packed = pa.table({"text": [f"Text é {number}." for number in range(999)]}), io.BytesIO()
    twice = pa.table([table["text"], table["text"]], names=["text", "text"])
    pq.write_table(twice, packed)
    refused(tmp_path, packed.getvalue(), "2 columns are called 'text'; expected one")
    for settings, byte, fault in (
        ({"compression": "none"}, 0xFF, "can't decode byte"),
        ({"compression": "gzip"}, 0xFF, "GZipCodec failed"),
        ({"compression": "none", "write_page_checksum": True}, 0x01, "CRC"),
    ):
        packed = io.BytesIO()
        pq.write_table(table, packed, use_dictionary=False, **settings)
        whole = bytearray(packed.getvalue())
        whole[500] ^= byte
        refused(tmp_path, bytes(whole), rf"not a whole Parquet file \(.*{fault}")


def test_a_null_row_of_the_hub_is_left_out():
    notes = Notes()
    found = list(readers.articles(["One.", None, "Two."], notes))
    assert found == [Document(None, "One."), Document(None, "Two.")]
    assert notes.left_out == {"records without text": 1}


def test_entities_of_wikiextractor_become_characters(tmp_path):
    path = written(
        tmp_path,
        '<doc id="1" url="" title="R&amp;B">\nR&amp;B\n\nA &lt;b&gt; AT&amp;T&nbsp;now.\n</doc>\n'
        '<doc id="2" url="" title="Nothing">\nNothing\n\n</doc>\n',
    )
    assert read(path) == [Document("R&B", "A <b> AT&T\xa0now.")]
    assert notes_of(path).left_out == {"records without text": 1}
    entry = {"url": "https://x.org/wiki?curid=1", "title": "A", "text": "AT&amp;T &lt;"}
    assert read(written(tmp_path, json.dumps(entry))) == [Document("A", "AT&T <")]
    entry = {"url": "https://x.org/", "text": "write &amp;amp;"}
    assert read(written(tmp_path, json.dumps(entry))) == [Document(None, "write &amp;amp;")]


def test_a_line_of_wikiextractor_longer_than_a_part_is_whole(tmp_path):
    words = " ".join(f"word{number}" for number in range(20_000))
    path = written(tmp_path, f'<doc id="1" url="" title="A">\n{words}\n</doc>\n')
    assert read(path) == [Document("A", words)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<doc id="1" title="A">\nOne.\n', "cut off within 'A'; expected </doc>"),
        ('<doc id="1">\nOne.\n<doc id="2">\n', "line 3: .*expected </doc> before another"),
        ('<doc id="1">\nOne.\n</doc>\nTwo.\n', "line 4: 'Two.'; expected <doc> before a text"),
    ],
)
def test_wikiextractor_that_is_damaged_is_refused(tmp_path, text, message):
    refused(tmp_path, text.encode(), message)
