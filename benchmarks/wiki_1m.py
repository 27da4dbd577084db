"""Cuts wiki-1m from a text of Wikipedia: a set of the size and kind of the Penn Treebank's.

    python benchmarks/wiki_1m.py --text FILE --out FOLDER [--json OUT]

Writes train.txt, valid.txt and test.txt: one sentence per line, words in lower case separated by
single spaces, no marks, numbers as `N`, an empty line after each document. The words are the 9,999
commonest of train.txt, all others are `<unk>`. FILE is anything that `corpus.path` takes, its
documents separated by blank lines if it is plain text. They are shuffled by a fixed seed, and each
split takes whole ones as long as they fit, up to the tokens that the Treebank's has, ends of
sentences counted. Prints documents, sentences, tokens and the share of `<unk>` of each split, and
its sha256.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import harness
import published

TOKENS = (929_589, 73_760, 82_430)
"""Of the Treebank's splits as they are used for language models, ends of sentences counted."""
WORDS = 9_999
FILLED = 0.999
"""The share of its tokens at which a split is full."""
UNKNOWN, NUMBER = "<unk>", "N"

Sentences = list[list[str]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, nargs=3, default=TOKENS, help="train, valid, test")
    parser.add_argument("--words", type=int, default=WORDS)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args(arguments)
    figures = cut(asked.text, asked.out, asked.tokens, asked.words)
    harness.write(figures, asked.json)
    for name, split in figures.items():
        print(name, *(f"{key}={value}" for key, value in split.items()))


def cut(text: Path, folder: Path, tokens: Sequence[int], words: int) -> dict[str, dict[str, Any]]:
    """Write the splits of `text` into `folder`; return the figures of each."""
    from wordlab import downloads, rng
    from wordlab.corpus.corpus import SPLITS
    from wordlab.errors import UserError
    from wordlab.text import documents, readers

    texts = [
        document.text for document in readers.read(text, "text", "blank_lines", documents.Notes())
    ]
    order = rng.stream(1, "wiki-1m").permutation(len(texts))
    remaining = [texts[place] for place in order]
    splits: dict[str, list[Sentences]] = {}
    for name, most in zip(SPLITS, tokens, strict=True):
        splits[name], remaining = filled(remaining, most)
        if not splits[name]:
            raise UserError(f"{text}: no document of at most {most:,} tokens is left for {name}")
    counts = Counter(word for document in splits["train"] for line in document for word in line)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    known = frozenset(ranked[:words])
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for name, found in splits.items():
        path = folder / f"{name}.txt"
        figures[name] = write(path, found, known) | {"sha256": downloads.digest(path)}
    return figures


def filled(texts: list[str], most: int) -> tuple[list[Sentences], list[str]]:
    """Return documents of `most` tokens in all or little less, and the texts that are not used."""
    taken: list[Sentences] = []
    left: list[str] = []
    size = 0
    for place, text in enumerate(texts):
        if size >= FILLED * most:
            return taken, left + texts[place:]
        document = sentences(text)
        tokens = sum(len(line) + 1 for line in document)
        if document and size + tokens <= most:
            taken.append(document)
            size += tokens
        else:
            left.append(text)
    return taken, left


def sentences(text: str) -> Sentences:
    """Return the sentences of a document as words, numbers as NUMBER, marks left out."""
    from wordlab.text import preprocess

    settings = published.PREPROCESS | {"tokens": "words_and_punctuation"}
    params = harness.changed(harness.params().preprocess, **settings)
    found = (list(words(line.split())) for line in preprocess.lines(text, params))
    return [line for line in found if line]


def words(tokens: Iterable[str]) -> Iterator[str]:
    for token in tokens:
        if token[0].isalnum():
            yield token if any(map(str.isalpha, token)) else NUMBER


def write(path: Path, documents: list[Sentences], known: frozenset[str]) -> dict[str, Any]:
    """Write a split, words that are not `known` as UNKNOWN; return its figures."""
    size = Counter(documents=len(documents))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            for line in document:
                kept = [word if word in known else UNKNOWN for word in line]
                file.write(" ".join(kept) + "\n")
                size.update(sentences=1, tokens=len(kept) + 1, unknown=kept.count(UNKNOWN))
            file.write("\n")
    share = size.pop("unknown") / (size["tokens"] - size["sentences"])
    return {**size, "unknown": round(share, 4)}


if __name__ == "__main__":
    main()
