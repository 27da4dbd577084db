"""Dumps of Wikipedias in any language: what goes with the markup, what stays, what is counted."""

import pytest
from test_formats import notes_of, read, refused

from wordlab.text import wikipedia
from wordlab.text.wikipedia import without_names

PAGE = "<page><title>{}</title><ns>{}</ns>{}<revision><text>{}</text></revision></page>"
NAMES = '<namespace key="6">{}</namespace><namespace key="14">{}</namespace>'


def dump(path, *pages, names=("File", "Category")):
    """Write a dump of pages: title, namespace, text, and what else is in the page."""
    escaped = [
        (title, number, *rest, text.replace("&", "&amp;").replace("<", "&lt;"))
        for title, number, text, *rest in ((*page, "")[:4] for page in pages)
    ]
    body = "".join(PAGE.format(*page) for page in escaped)
    path.write_text(
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><siteinfo><namespaces>'
        f"{NAMES.format(*names)}</namespaces></siteinfo>\n{body}</mediawiki>",
        encoding="utf-8",
    )
    return path


LANGUAGES = {
    "de": ("Datei", "Kategorie", "mini|hochkant=1.2"),
    "fr": ("Fichier", "Catégorie", "vignette|redresse"),
    "es": ("Archivo", "Categoría", "miniatura|izquierda"),
    "ru": ("Файл", "Категория", "мини|справа"),
    "ar": ("ملف", "تصنيف", "تصغير"),
    "ja": ("ファイル", "Category", "サムネイル"),
    "ko": ("파일", "분류", "섬네일"),
    "hi": ("चित्र", "श्रेणी", "अंगूठाकार"),
    "tr": ("Dosya", "Kategori", "küçükresim"),
    "en": ("File", "Category", "thumb|200px"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("english", [False, True])
def test_files_leave_their_captions_and_categories_nothing(tmp_path, language, english):
    file, category, options = LANGUAGES[language]
    names = (file, category)
    if english:  # is understood in every Wikipedia
        file, category = "image", "category"
    text = (
        f"[[{file}:A b.jpg|{options}|Eine [[Stadt|große Stadt]] am [[Fluss]]]]\n"
        f"{'word ' * 60}[[{file.upper()}:C.svg|{options}]]end [[ {file}: D.png ]]\n\n"
        f"[[{category}:Stadt]]\n[[{category}:Ort| ]]\n[[fr:Ville]]\n"
    )
    (article,) = read(dump(tmp_path / "corpus", ("A", 0, text), names=names))
    assert article.text == f"Eine große Stadt am Fluss\n{'word ' * 60}end"


def test_an_old_name_of_files_is_known_by_what_it_links_to():
    markup = "[[Bild:X.jpg|mini|Ein Haus.]] Hier [[:Datei:Y.jpg|das]] [[a:b|c]] [[Film:Up]] da."
    found = without_names(markup, "Datei", "Kategorie")
    assert found == "Ein Haus. Hier [[:Datei:Y.jpg|das]] [[a:b|c]] [[Film:Up]] da."


def test_a_link_that_is_not_closed_ends_with_its_line():
    assert without_names("[[File:X.jpg|thumb|Open caption\nNext.", "", "") == "Open caption\nNext."


@pytest.mark.parametrize("tag", ["ref", "REF", "math", "nowiki", "gallery"])
@pytest.mark.parametrize("inner", ["x<br/>leak", "x<br />leak", "<i>x</i>leak", "a\n<br/>\nleak"])
@pytest.mark.parametrize("attributes", ["", ' name="a"', " group=n name=b/c"])
def test_footnotes_with_tags_in_them_leave_nothing(tmp_path, tag, inner, attributes):
    text = f"{'word ' * 60}one<{tag}{attributes}>{inner}</{tag}> two<ref name=x/> three"
    (article,) = read(dump(tmp_path / "corpus", ("A", 0, text)))
    assert article.text == f"{'word ' * 60}one two three"


def test_a_footnote_in_a_comment_or_without_end_takes_no_text_along():
    assert without_names("a <!-- <ref> --> b<ref>c</ref> d", "", "") == "a  b d"
    assert without_names("a<ref>b c<ref>d</ref> e", "", "") == "a<ref>b c e"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("天地玄黄，宇宙洪荒。" * 240, True),
        ("天地玄黄" * 24, False),
        ("日本語のテキスト。" * 20, True),
        ("ภาษาไทยไม่เว้นวรรค" * 10, True),
        ("한국어 문장 " * 30, True),
        ("word " * 49, False),
        ("word " * 50, True),
    ],
)
def test_articles_are_measured_in_words_also_where_no_spaces_are_between(tmp_path, text, kept):
    path = dump(tmp_path / "corpus", ("A", 0, text), ("B", 0, "word " * 50))
    assert [article.title for article in read(path)] == ["A", "B"][not kept :]
    assert notes_of(path).left_out == ({} if kept else {"articles under 50 words": 1})


def test_pages_that_are_left_out_are_counted_by_reason(tmp_path):
    long = "word " * 60
    path = dump(
        tmp_path / "corpus",
        ("Talk:A", 1, long),
        ("B", 0, "#WEITERLEITUNG [[A]]", '<redirect title="A" />'),
        ("C", 0, "few words"),
        ("Kategorie:A", 14, long),
        ("D", 0, long),
    )
    assert [article.title for article in read(path)] == ["D"]
    assert notes_of(path).left_out == {
        "pages that are no articles": 2,
        "redirects": 1,
        "articles under 50 words": 1,
    }


def test_pages_that_are_too_long_or_incomplete_are_left_out_or_read(tmp_path, monkeypatch):
    monkeypatch.setattr(wikipedia, "LONGEST_PAGE", 400)
    path = dump(tmp_path / "corpus", ("A", 0, "word " * 60), ("B", 0, "word " * 90))
    untitled = path.read_text().replace("<title>A</title><ns>0</ns>", "")
    path.write_text(untitled.replace("</mediawiki>", "<page/><page><revision/></page></mediawiki>"))
    assert [article.title for article in read(path)] == [None]
    left_out = {"pages over 400 characters": 1, "articles under 50 words": 2}
    assert notes_of(path).left_out == left_out


def test_of_a_history_the_last_revision_is_read(tmp_path):
    path = dump(tmp_path / "corpus", ("A", 0, "new " * 60))
    older = f"<revision><text>{'old ' * 60}</text></revision><revision>"
    path.write_text(path.read_text().replace("<revision>", older, 1))
    assert [article.text.split()[0] for article in read(path)] == ["new"]


def test_a_damaged_dump_is_refused_with_its_line(tmp_path):
    whole = dump(tmp_path / "whole", ("A", 0, "word " * 60)).read_bytes()
    refused(tmp_path, whole[:-20], "line 2, column .*: unclosed token; expected a whole Wiki")
    refused(tmp_path, whole.replace(b"</page>", b"</pag>"), "line 2, .*mismatched tag")
