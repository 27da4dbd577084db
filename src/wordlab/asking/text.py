"""A person's text as a language model reads it: cut as the pipeline cut what it learned from."""

from collections.abc import Collection, Iterator
from pathlib import Path

from wordlab.errors import UserError, notice
from wordlab.params.text import CorpusParams, PreprocessParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text import readers
from wordlab.text.documents import Notes, counts
from wordlab.text.preprocess import JOINT, lines

WHAT = "expected a text"
STANDARD_INPUT = Path("/dev/stdin")


def documents(
    path: Path, corpus: CorpusParams, preprocess: PreprocessParams, model: LanguageModel
) -> list[list[str]]:
    """Return the documents of a file of any format that the pipeline reads, each its sentences.

    Raises UserError if there is no such file, it cannot be read, or has no token.
    """
    check(path, WHAT)
    notes = Notes()
    try:
        texts = list(
            readers.read(
                path, corpus.column, corpus.documents, notes,
                longest=readers.longest_text(corpus), processes=False,
            )
        )  # fmt: skip
    except OSError as error:
        problem = error.strerror or error
        raise UserError(f"{named(path)}: cannot be read ({problem}); {WHAT}") from None
    if notes.left_out:
        notice(f"{named(path)}: left out: {counts(notes.left_out)}")
    found = [sentences(text.text, preprocess, model) for text in texts]
    found = [document for document in found if document]
    if not found:
        kind = "no token of the kind " + repr(preprocess.tokens) if texts else "the file is empty"
        raise UserError(f"{named(path)}: {kind}; {WHAT}")
    return found


def check(path: Path, what: str) -> None:
    """Raise UserError, which ends in `what`, if there is no file at `path`."""
    if path.is_dir():
        raise UserError(f"{path}: a folder; {what}")
    if not path.exists():
        raise UserError(f"{path}: no such file; {what}")


def named(path: Path) -> str:
    """Return what a person calls the file at `path`."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def sentences(text: str, preprocess: PreprocessParams, model: LanguageModel) -> list[str]:
    """Return the sentences of `text`, or all of it, as tokens separated by single spaces.

    Phrases are joined where the vocabulary of a word model has them.
    """
    found = lines(text, preprocess)
    if not preprocess.phrases.passes or model.level == "character":
        return found
    phrases = {word for word in model.vocabulary.words if JOINT in word}
    return [" ".join(_joined(line.split(), phrases)) for line in found]


def _joined(words: list[str], phrases: Collection[str]) -> Iterator[str]:
    """Yield words, from left to right the longest phrase of several as one."""
    longest = max((phrase.count(JOINT) + 1 for phrase in phrases), default=1)
    place = 0
    while place < len(words):
        sizes = range(min(longest, len(words) - place), 0, -1)
        runs = (words[place : place + size] for size in sizes)
        run = next(run for run in runs if len(run) == 1 or JOINT.join(run) in phrases)
        yield JOINT.join(run)
        place += len(run)


def one_sentence(text: str, preprocess: PreprocessParams, model: LanguageModel) -> str:
    """Return `text` as the tokens of one sentence, whatever marks it has; "" if it has none."""
    whole = preprocess.model_copy(update={"units": "documents"})
    return " ".join(sentences(text, whole, model))
