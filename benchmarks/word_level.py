"""The word-level example in PyTorch's repository, and what it and wordlab's model are compared by.

2 x 200 nn.LSTM, output weights tied to the embedding, full softmax, batch 20, bptt 35, SGD 20, clip
.25, dropout .2, a quarter of the rate after an epoch that did not help; the weights of its best
epoch count.
"""

import hashlib
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import harness
import numpy as np

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary

SPLITS = ("train", "valid", "test")
WIDTH, LENGTH, BATCH = 200, 35, 20
"""Units per layer, steps and streams."""


class Peer(NamedTuple):
    """How the peer is trained."""

    epochs: int
    seed: int
    threads: int
    device: str
    updates: int | None = None
    """Of an epoch; None for all."""


class Set(NamedTuple):
    """The splits, as ids of the words in train.txt."""

    train: EncodedCorpus
    valid: EncodedCorpus
    test: EncodedCorpus
    vocabulary: Vocabulary

    def symbols(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a split as classes, ends of sentences among them, and where documents begin."""
        from wordlab.recurrent.batches import document_starts, language_ids

        corpus = getattr(self, split)
        return language_ids(corpus, self.vocabulary), document_starts(corpus)


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of each split in `folder`."""
    found = {}
    for name in SPLITS:
        path = folder / f"{name}.txt"
        if not path.is_file():
            raise SystemExit(f"{path}: not found; expected a folder that wiki_1m.py has written")
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def read(folder: Path) -> Set:
    """Return the splits in `folder`; documents have an empty line between them."""
    texts = {}
    for name in SPLITS:
        documents = (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n\n")
        lines = [[line.split() for line in text.split("\n") if line] for text in documents]
        texts[name] = [document for document in lines if document]
    counts = Counter(word for text in texts["train"] for line in text for word in line)
    vocabulary = Vocabulary.build(counts, min_count=1)
    return Set(*(encoded(documents, vocabulary) for documents in texts.values()), vocabulary)


def encoded(documents: list[list[list[str]]], vocabulary: Vocabulary) -> EncodedCorpus:
    """Return documents of sentences of words as ids."""
    words = [word for document in documents for line in document for word in line]
    sentences = np.cumsum([len(line) for document in documents for line in document])
    lengths = [sum(map(len, document)) for document in documents]
    ids = [vocabulary.index.get(word, UNKNOWN) for word in words]
    return EncodedCorpus(np.array(ids, np.int32), sentences, np.cumsum(lengths))


def figures_of(
    curve: list[dict[str, float]], test_loss: float, tokens: float, seconds: float
) -> dict[str, Any]:
    """Return what both are compared by: perplexities, minutes, speed and memory."""
    return {
        "valid": min(row["valid"] for row in curve),
        "test": float(np.exp(test_loss)),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_mib": progress.peak_mib(),
        "curve": curve,
    }


def train_peer(folder: Path, peer: Peer, kept: Path) -> dict[str, Any]:
    """Train the peer and score it after each epoch; go on from the last one in `kept`.

    With fewer `updates` than an epoch has, its seconds are what all would take.
    """
    harness.use_threads(peer.threads)
    import torch
    from torch import nn
    from torch.nn import functional as F

    from wordlab.recurrent.training import as_arrays, as_tensors

    text = read(folder)
    torch.manual_seed(peer.seed)
    classes = text.vocabulary.classes
    embedding, decoder = nn.Embedding(classes, WIDTH), nn.Linear(WIDTH, classes)
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    nn.init.zeros_(decoder.bias)
    decoder.weight = embedding.weight
    lstm, drop = nn.LSTM(WIDTH, WIDTH, 2, dropout=0.2), nn.Dropout(0.2)
    model = nn.ModuleList([embedding, drop, lstm, decoder]).to(peer.device)

    def streams(ids: np.ndarray, count: int) -> torch.Tensor:
        length = len(ids) // count
        columns = ids[: length * count].reshape(count, length).T.copy()
        return torch.from_numpy(columns).to(peer.device)

    def windows(ids: torch.Tensor) -> list[slice]:
        return [slice(at, at + LENGTH) for at in range(0, len(ids) - 1, LENGTH)]

    def loss_of(ids: torch.Tensor, part: slice, state: Any) -> tuple[torch.Tensor, Any]:
        inputs, targets = ids[:-1][part], ids[1:][part]
        hidden, state = lstm(drop(embedding(inputs)), state)
        logits = decoder(drop(hidden))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state

    def evaluate(ids: torch.Tensor) -> float:
        model.eval()
        total, state = 0.0, None
        with torch.no_grad():
            for part in windows(ids):
                loss, state = loss_of(ids, part, state)
                total += float(loss) * len(ids[1:][part])
        model.train()
        return total / (len(ids) - 1)

    train, valid, test = (
        streams(text.symbols(split)[0], count)
        for split, count in zip(SPLITS, (BATCH, 10, 10), strict=True)
    )
    rate, best, curve = 20.0, float("inf"), []
    chosen = {name: each.clone() for name, each in model.state_dict().items()}
    checkpoint = Checkpoint(kept)
    loaded = checkpoint.resume(lambda: list(peer))
    random = torch.cuda if peer.device == "cuda" else torch  # whose numbers dropout draws
    if loaded is not None:
        weights, (rate, best, curve) = loaded[0], loaded[1]["position"]
        model.load_state_dict(as_tensors(weights["last"]))
        chosen = as_tensors(weights["best"])
        random.set_rng_state(as_tensors(weights["random"])["state"])
    start = time.perf_counter() - (curve[-1]["seconds"] if curve else 0)
    every = windows(train)
    for _ in range(len(curve), peer.epochs):
        state: Any = None
        training = time.perf_counter()
        for part in every[: peer.updates]:
            model.zero_grad()
            loss, state = loss_of(train, part, state)
            state = tuple(each.detach() for each in state)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            with torch.no_grad():
                for weight in model.parameters():
                    weight.add_(weight.grad, alpha=-rate)
        left = 0.0 if peer.updates is None else len(every) / peer.updates - 1
        start -= (time.perf_counter() - training) * left
        found = evaluate(valid)
        curve.append({"seconds": time.perf_counter() - start, "valid": float(np.exp(found))})
        if found < best:
            best = found
            chosen = {name: each.clone() for name, each in model.state_dict().items()}
        else:
            rate /= 4
        drawn = {"state": random.get_rng_state()}
        groups = {"last": model.state_dict(), "best": chosen, "random": drawn}
        arrays = {name: as_arrays(group) for name, group in groups.items()}
        checkpoint.save(arrays, {"position": [rate, best, curve]})
    model.load_state_dict(chosen)
    tokens, seconds = peer.epochs * train.numel(), curve[-1]["seconds"]
    return figures_of(curve, evaluate(test), tokens, seconds)
