"""Word vectors trained on draws of the documents, to see what of them holds on another text.

A draw has as many documents as the text, taken with replacement (the bootstrap, Efron 1979; of word
vectors, Antoniak & Mimno 2018), and a seed of its own, so that what differs between draws is what
the choice of documents and the seed decide.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import draws
from wordlab.embeddings.vectors import Vectors
from wordlab.rng import derive, stream

Learn = Callable[[EncodedCorpus, Vocabulary, int, Checkpoint], Vectors]
"""Returns the vectors of a text, given its vocabulary, a seed and a checkpoint."""


def draw(
    corpus: EncodedCorpus, vocabulary: Vocabulary, number: int, *, seed: int
) -> tuple[EncodedCorpus, Vocabulary]:
    """Return a draw of the documents of `corpus`, and `vocabulary` with the counts of the draw.

    number: of the draw, from 1. Words keep their ids; those that the draw lacks have a count of 0.
    """
    documents = len(corpus.document_ends)
    chosen = stream(seed, "draw", number).integers(0, documents, documents)
    drawn = corpus.documents(np.sort(chosen))
    return drawn, Vocabulary(vocabulary.words, drawn.counts(len(vocabulary)))


def train(
    folder: Path,
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    learn: Learn,
    dimensions: int,
    count: int,
    *,
    model: str,
    seed: int,
    checkpoint: Checkpoint,
) -> None:
    """Train `model` on `count` draws of `corpus`, and write them into `folder`, as `Draws` loads.

    learn: trains it, `dimensions` wide. Models drawn from the same seed have the same documents in
    each draw. Resumes from a checkpoint, also within a draw; the result is byte-identical.
    """
    documents = len(corpus.document_ends)
    description: dict[str, Any] = {
        "model": model, "seed": seed, "draws": count, "documents": documents
    }  # fmt: skip

    def drawn() -> Iterator[NDArray[np.float16]]:
        with progress.bar(count, f"draws of {model}", "draw") as bar:
            for number in range(1, count + 1):
                rows, description["vectors"] = _one(number)
                yield rows
                bar.update(1)

    def _one(number: int) -> tuple[NDArray[np.float16], dict[str, Any]]:
        kept, own = checkpoint.part(number), checkpoint.part(f"{number}_training")
        recipe: list[Any] = [model, seed, number, len(corpus), len(vocabulary), dimensions]
        saved = kept.resume(lambda: recipe)
        if saved is not None:
            return saved[0]["draw"]["rows"], saved[1]
        text = draw(corpus, vocabulary, number, seed=seed)
        vectors = learn(*text, derive(seed, "draw", model, number), own)
        rows, settings = draws.unit_rows(vectors), draws.settings(vectors)
        kept.save({"draw": {"rows": rows}}, settings)
        own.clear()
        return rows, settings

    counts = corpus.document_counts(len(vocabulary))
    draws.save(folder, vocabulary, drawn(), (count, dimensions), counts, description)
