"""Articles of a Wikipedia dump in any language, without markup.

gensim's `filter_wiki` strips it. It knows English names of namespaces alone, and loses the end of a
footnote that contains another tag, so files, categories and footnotes are taken out before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse

import regex

from wordlab import parallel
from wordlab.errors import UserError
from wordlab.text.documents import Document, Notes
from wordlab.text.lines import UNSPACED

FEWEST_WORDS = 50
"""Articles shorter than this are left out, as gensim's own reader does."""
LONGEST_PAGE = 1 << 23
"""Characters of a page that are too many: Wikipedia takes a quarter of that."""
CHARACTERS_PER_WORD = 2
"""Of scripts without spaces between words, when the words of an article are counted."""
CHARACTER = regex.compile(rf"[{UNSPACED}]")
FILE, CATEGORY = "6", "14"
"""The keys of namespaces, the same in every Wikipedia."""
MEDIA = "jpe?g|png|gif|svg|tiff?|webp|xcf|pdf|djvu|og[agv]|opus|flac|mp3|mp4|wav|mid|webm"
ELEMENTS = "ref|math|nowiki|gallery|timeline|imagemap|syntaxhighlight|source|score|chem|hiero|graph"
REMOVED = re.compile(
    r"<!--.*?-->"
    rf"|<(?:{ELEMENTS})\b[^<>]*/>"
    rf"|<({ELEMENTS})\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
"""Comments, and elements whose text is no prose."""
LAST_LINKS = re.compile(r"(?:\s*\[\[[^\[\]|:]+:[^\[\]]*\]\])+\s*\Z")
"""Links to categories and to other languages, under whatever name, that end an article."""
OPTION = regex.compile(r"\s*[\w\p{M}.-]{0,12}(?:\s*=.*|\s*px)?\s*", re.DOTALL)
"""A part of a link to a file that is no caption: `mini`, `200px`, `hochkant=1.2`."""


@dataclass(frozen=True)
class Page:
    """An article as the dump has it, and the dump's names of the namespaces for files and for
    categories."""

    title: str | None
    markup: str
    files: str
    categories: str


def read(
    stream: IO[bytes], place: str, notes: Notes, *, processes: bool, as_gensim: bool = False
) -> Iterator[Document]:
    """Yield the articles of a dump (pages-articles .xml).

    processes: strip the markup in several. as_gensim: by `filter_wiki` alone. Redirects, pages
    outside the main namespace, pages too long and articles of fewer than 50 words are left out, and
    counted in notes. Raises UserError with the line if the XML is damaged.
    """
    pages = _pages(stream, place, notes)
    strip = partial(_article, as_gensim=as_gensim)
    articles = parallel.in_order(strip, pages, batch=100) if processes else map(strip, pages)
    for article in articles:
        if article:
            yield article
        else:
            notes.left_out[f"articles under {FEWEST_WORDS} words"] += 1


def _pages(stream: IO[bytes], place: str, notes: Notes) -> Iterator[Page]:
    """Yield the pages of the main namespace, but for redirects."""
    names: dict[str | None, str] = {}
    root: Element | None = None
    try:
        for event, element in iterparse(stream, events=("start", "end")):
            if root is None:
                root = element
            tag = element.tag.rpartition("}")[2]
            if event == "start" or tag not in ("namespace", "page"):
                continue
            if tag == "namespace":
                names[element.get("key")] = element.text or ""
                continue
            if element.findtext("{*}ns", "0") != "0":
                notes.left_out["pages that are no articles"] += 1
            elif element.find("{*}redirect") is not None:
                notes.left_out["redirects"] += 1
            else:
                texts = element.findall("{*}revision/{*}text")  # of a history, the last
                markup = (texts[-1].text or "") if texts else ""
                title = element.findtext("{*}title")
                if len(markup) > LONGEST_PAGE:
                    notes.left_out[f"pages over {LONGEST_PAGE:,} characters"] += 1
                else:
                    yield Page(title, markup, names.get(FILE, ""), names.get(CATEGORY, ""))
            root.clear()
    except ParseError as error:
        line, column = error.position
        raise UserError(
            f"{place}, line {line}, column {column + 1}: {error.msg.partition(':')[0]}; "
            "expected a whole Wikipedia dump (pages-articles)"
        ) from None


def _article(page: Page, *, as_gensim: bool) -> Document | None:
    """Return a page without its markup, None if it is too short."""
    from gensim.corpora.wikicorpus import filter_wiki

    markup = page.markup if as_gensim else without_names(page.markup, page.files, page.categories)
    unquoted = re.sub(r"'{2,}", "", filter_wiki(markup))  # marks of bold type
    lines = (line.strip("=*#:; \t") for line in unquoted.splitlines())
    text = "\n".join(filter(None, lines))
    long = len(text.split()) >= FEWEST_WORDS
    if not long and not as_gensim:
        characters = len(CHARACTER.findall(text))
        long = len(text.split()) + characters // CHARACTERS_PER_WORD >= FEWEST_WORDS
    return Document(page.title, text) if long else None


def without_names(markup: str, files: str, categories: str) -> str:
    """Return the markup of a page without footnotes and categories, and of files the captions.

    files, categories: the names of these namespaces in the dump; the English ones go everywhere.
    """
    of_files, of_categories = _patterns(files, categories)
    markup = REMOVED.sub("", markup)
    markup = LAST_LINKS.sub("", of_categories.sub("", markup))
    kept = []
    at = 0
    for found in of_files.finditer(markup):
        if found.start() < at:
            continue  # a file within the caption of another
        end = _end_of_link(markup, found.end())
        kept += [markup[at : found.start()], _caption(markup[found.end() : end])]
        at = end + 2 if markup.startswith("]]", end) else end
    return "".join([*kept, markup[at:]])


@cache
def _patterns(files: str, categories: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return patterns of the beginning of a link to a file, and of a whole one to a category."""

    def any_of(*names: str) -> str:
        known = {re.escape(name).replace("\\ ", "[ _]+") for name in names if name}
        return "|".join(sorted(known))

    file = any_of(files, "File", "Image")
    category = any_of(categories, "Category")
    return (
        re.compile(
            rf"\[\[\s*(?:(?:{file})\s*:|[^\[\]|:\n]+:[^\[\]|\n]+\.(?:{MEDIA})\s*(?=[|\]]))",
            re.IGNORECASE,
        ),
        re.compile(rf"\[\[\s*(?:{category})\s*:[^\[\]]*\]\]", re.IGNORECASE),
    )


def _end_of_link(markup: str, at: int) -> int:
    """Return where the brackets close that are open at `at`; the end of the line if they do not."""
    depth = 1
    for bracket in re.compile(r"\[\[|\]\]").finditer(markup, at):
        depth += 1 if bracket[0] == "[[" else -1
        if depth == 0:
            return bracket.start()
    line_end = markup.find("\n", at)
    return len(markup) if line_end < 0 else line_end


def _caption(link: str) -> str:
    """Return the caption in what follows the name of a namespace, empty if it has none."""
    parts = re.split(r"\|(?![^\[]*\]\])", link)  # not those of links within
    return "" if len(parts) == 1 or OPTION.fullmatch(parts[-1]) else parts[-1]
