"""The sections of params.yaml about the text."""

from typing import Literal, Self

from pydantic import model_validator

from wordlab.params.base import Count, Section, Share


class CorpusParams(Section):
    """`corpus`: where the text comes from."""

    source: Literal["sample", "file"]
    """sample: the Wikipedia articles packaged with gensim; file: the text at `path`."""
    path: str | None
    """UTF-8 text, plain or .gz, .bz2, .xz, with blank lines between documents."""

    @model_validator(mode="after")
    def path_where_needed(self) -> Self:
        if self.source == "file" and not self.path:
            raise ValueError("path: expected the path of a text, since corpus.source is file")
        return self


class SplitShares(Section):
    """`preprocess.splits`: the share of the documents that each split gets."""

    train: Share
    valid: Share
    test: Share

    @model_validator(mode="after")
    def whole(self) -> Self:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"expected shares that sum to 1, got {total:g}")
        if self.train == 0:
            raise ValueError("expected a share of train above 0")
        return self


class PreprocessParams(Section):
    """`preprocess`: from raw text to tokens in splits."""

    lowercase: bool
    tokens: Literal["letters", "words_and_punctuation"]
    """letters: runs of letters only; words_and_punctuation: words, numbers and each mark."""
    splits: SplitShares


class VocabularyParams(Section):
    """`vocabulary`: which words of the training split are known."""

    min_count: Count
    max_size: Count | None
    """The commonest words kept; null keeps all."""
