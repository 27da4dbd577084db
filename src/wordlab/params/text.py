"""The sections of params.yaml about the text."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from wordlab.params import Count, NonNegative, Positive, Section, Words

SOURCES = re.compile(r"sample|file|wikipedia-dump|url|gensim:[\w.-]+|nltk:\w+|hf:[\w./-]+/[\w.-]+")


Separation = Literal["auto", "blank_lines", "files", "parts"]
"""What separates the documents of a plain text."""


class SplitFiles(Section):
    """`corpus.splits`: where the text of each split is, as `corpus.path` has it."""

    train: str
    valid: str
    test: str


class CorpusParams(Section):
    """`corpus`: where the text comes from."""

    source: str
    """sample: the Wikipedia articles packaged with gensim; file: the text at `path`;
    wikipedia-dump: the pages-articles dump at `path`; url: the file at `url`; gensim:NAME,
    nltk:NAME and hf:DATASET/CONFIG: a corpus by its name there."""
    path: str | None
    """A file, a pattern such as `texts/*.gz`, or a folder."""
    watch: dict[str, str]
    """Files and folders, by any name, whose content DVC watches: `dvc repro` reads the text again
    where that differs, and takes no notice of a new time alone. A whole path each, as DVC knows no
    `~` and no pattern; links to folders within one are not followed."""
    url: str | None
    """Where the text is, if `source` is url."""
    sha256: str | None
    """The checksum of the file at `url`."""
    column: str
    """Where the text is in JSON, CSV, Parquet files and data sets; in JSON, text also
    finds data and section_texts."""
    documents: Separation
    """In plain text. files: each file is a document, a book say; blank_lines: they separate
    documents; parts: a file is cut after every 32,768 characters, at the end of a paragraph, for a
    text that is a single book; auto: articles where the first line is a heading as WikiText has
    them, files where lines are broken at a column, else blank_lines."""
    splits: Literal["given"] | SplitFiles | None
    """null: drawn by document, as `preprocess.splits` says; given: those of a data set `hf:`, which
    has to have train, validation and test; or the text of each, a file, a pattern or a folder as
    for `path`, for the source file. A split whose plain text has no blank line is one document."""

    @field_validator("splits", mode="before")
    @classmethod
    def known_splits(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping):
            named = raw.keys() == SplitFiles.model_fields.keys()
            known = named and all(isinstance(path, str) and path for path in raw.values())
        else:
            known = raw in (None, "given")
        if known:
            return raw
        raise ValueError(
            f"expected null, given, or a path for each of train, valid and test, got {raw!r}"
        )

    @field_validator("watch")
    @classmethod
    def whole_paths(cls, watch: dict[str, str]) -> dict[str, str]:
        for name, path in watch.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise ValueError(f"expected a name of letters, digits, - and _, got {name!r}")
            if not path.startswith("/") or "*" in path:
                raise ValueError(f"{name}: expected a path from / on, no pattern, got {path!r}")
        return watch

    @model_validator(mode="after")
    def complete(self) -> Self:
        if not SOURCES.fullmatch(self.source):
            raise ValueError(
                "source: expected 'sample', 'file', 'wikipedia-dump', 'url', 'gensim:NAME', "
                f"'nltk:NAME' or 'hf:DATASET/CONFIG', got {self.source!r}"
            )
        if self.splits == "given" and not self.source.startswith("hf:"):
            raise ValueError(
                "splits: given takes those of hf:DATASET/CONFIG, and corpus.source is "
                f"{self.source}; expected null, or files for train, valid and test"
            )
        if isinstance(self.splits, SplitFiles):
            if self.source != "file":
                raise ValueError(
                    "source: expected file, since corpus.splits names files, got " + self.source
                )
            if self.path:
                raise ValueError(
                    f"path: expected null, since corpus.splits names the files, got {self.path}"
                )
        elif self.source in ("file", "wikipedia-dump") and not self.path:
            raise ValueError(
                f"path: expected the path of a text, since corpus.source is {self.source}"
            )
        for name, source in (("path", "file"), ("url", "url")):
            if self.source == "sample" and getattr(self, name):
                raise ValueError(
                    f"{name}: expected null for the built-in text, corpus.source sample, got "
                    f"{getattr(self, name)}; corpus.source {source} reads it"
                )
        if self.source == "url":
            if not re.fullmatch(r"https?://\S+", self.url or ""):
                raise ValueError(
                    f"url: expected http:// or https://, since corpus.source is url, got {self.url}"
                )
            if not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256 or ""):
                raise ValueError(
                    "sha256: expected the 64 digits that `sha256sum` prints for the file at "
                    f"corpus.url, got {self.sha256}"
                )
        return self


Part = Annotated[float, Field(gt=0, le=1)]
"""A share of the whole, above 0."""


class SplitShares(Section):
    """`preprocess.splits`: the share of the text that each split gets, by whole documents.

    None is without text: models are chosen on valid, and scored on test. Not used where
    `corpus.splits` says which document is in which.
    """

    train: Part
    """Of the text, to learn from."""
    valid: Part
    """Of the text, to choose models and settings on."""
    test: Part
    """Of the text, to score on."""

    @model_validator(mode="after")
    def whole(self) -> Self:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"expected shares that sum to 1, got {total:g}")
        return self


class PhraseParams(Section):
    """`preprocess.phrases`: pairs of words joined to one token (Mikolov et al. 2013, section 4)."""

    passes: Annotated[int, Field(ge=0, le=4)]
    """0: none; 1: pairs; 2: phrases of up to four words."""
    discount: NonNegative
    """Taken off the count of a pair, so that rare pairs are no phrases."""
    threshold: Positive
    """The score above which a pair is a phrase; fewer phrases the higher it is."""


Language = Literal["en", "es", "de", "fr", "pt", "other"]


class LanguageParams(Section):
    """An item of `languages`: what a text in this language is asked.

    It takes the place of every param that is `by_language`, as `BY_LANGUAGE` lists them; each means
    here what it does there.
    """

    similarity: Annotated[tuple[str, ...], Field(strict=False)]
    """Of `evaluation.similarity`: sets by name."""
    analogies: str | None
    """Of `evaluation.analogies.path`."""
    relations: str | None
    """Of `comparison.relations.path`."""
    words: Words | None
    """Of `comparison.words`."""
    window_words: Words | None
    """Of `window_study.words`."""
    matrix_words: Words | None
    """Of `window_study.matrix_words`."""
    prompts: Words | None
    """Of `generation.prompts`."""


BY_LANGUAGE = {
    "evaluation.similarity": "similarity",
    "evaluation.analogies.path": "analogies",
    "comparison.relations.path": "relations",
    "comparison.words": "words",
    "window_study.words": "window_words",
    "window_study.matrix_words": "matrix_words",
    "generation.prompts": "prompts",
}
"""The params that may be `by_language`, each with the key of `languages` that takes its place."""


class PreprocessParams(Section):
    """`preprocess`: from raw text to tokens in splits."""

    language: Language
    """What the text is written in, by ISO 639-1. It chooses what every param is that is
    `by_language`: evaluation sets, the words and prompts of studies. It changes no token."""
    lowercase: bool
    """Write the whole text in lower case."""
    tokens: Literal[
        "letters",
        "characters",
        "words_and_punctuation",
        "english",
        "spanish",
        "whitespace",
        "nltk:NLTKWordTokenizer",
        "nltk:ToktokTokenizer",
        "nltk:TreebankWordTokenizer",
        "nltk:TweetTokenizer",
        "nltk:WordPunctTokenizer",
    ]
    """letters: runs of letters only, so that in a script without spaces between words a token is
    all that lies between two marks; characters: each character of such scripts by itself (Chinese,
    Japanese, Thai, Lao, Khmer, Burmese, Tibetan), of others as letters; words_and_punctuation:
    words, numbers and each mark; english, spanish: words of Latin letters with their accents, in
    English also don't; whitespace: what white space separates, as it is, for a text that is
    tokenised already (`<unk>`, `@-@`): neither normalised nor rid of invisible characters, though
    `lowercase` and `numbers` hold; nltk:…: a tokeniser of nltk."""
    numbers: Literal["keep", "zeros", "drop"]
    """zeros: each digit as 0, so that numbers of one length are one word; drop: tokens with a
    digit are left out."""
    units: Literal["sentences", "lines", "documents"]
    """What a line of a split holds, after which language models predict an end. The windows of word
    vectors run on to the end of the document. A sentence ends with a line, with `。`, `！` or `？`,
    and with any other mark such as `.`, `?`, `।` or `؟` if a space follows, then a capital, a digit
    or a letter of a script without case. An initial (`H. N.`) ends none; an abbreviation before a
    capital (`Dr. Smith`) does, in any language. lines: those of the text, for one with a sentence
    on each."""
    phrases: PhraseParams
    splits: SplitShares


class VocabularyParams(Section):
    """`vocabulary`: which words of the training split are known."""

    min_count: Count
    """Words that occur less often in the training split are unknown."""
    max_size: Count | None
    """The commonest words kept; null keeps all."""
