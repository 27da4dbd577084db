"""The vectors of GloVe in parts, of which each of several processes holds its own.

Words and contexts are divided into groups; a process keeps its groups of words for the whole
training, and in each round has the groups of contexts that these meet. Between two rounds the
contexts move to the processes that need them next, so that a process holds 1 / P of all vectors
and accumulators, and while they move twice its share of the contexts.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab.checkpoints import Arrays, Checkpoint
from wordlab.errors import UserError
from wordlab.params.embeddings import GloveParams
from wordlab.processes import Group, Transfer
from wordlab.progress import require_memory
from wordlab.rng import stream

FILE_BYTES = 64 << 20
"""The least that a file of a checkpoint holds, but for the last one: what the first process needs
beside its parts to write a checkpoint of all."""

Part = NDArray[np.float32]
"""A group: (2, places, dimensions + 1), the vectors with biases last, and their accumulators."""


class Parts:
    """The groups of words and contexts that this process holds, by number, and how they move.

    Word i is in group i % groups at place i // groups. Process p of P has the words of the groups
    from p groups / P on, and in a round of shift s the contexts of group r + s for each of these
    groups r, modulo their number. All processes call the same methods in the same order.
    """

    def __init__(
        self, size: int, groups: int, params: GloveParams, seed: int, together: Group
    ) -> None:
        """Start with weights uniform within half of 1/dimensions, and accumulators as they start.

        size: the number of words. Raises UserError where memory does not suffice.
        """
        self.size, self.groups, self.together = size, groups, together
        self.shape = (2, -(-size // groups), params.dimensions + 1)
        rank, count = together.rank, together.count
        self.own = range(groups * rank // count, groups * (rank + 1) // count)
        self.shift = 0
        self.sent_bytes = 0
        """By this process, of contexts that moved, since the training began."""
        sides = 2 if count == 1 else 3  # words, contexts, and contexts that arrive
        require_memory(4.0 * sides * len(self.own) * math.prod(self.shape), "glove.dimensions")
        self.words = self._initial("words", params, seed)
        self.contexts = self._initial("contexts", params, seed)

    def _initial(self, name: str, params: GloveParams, seed: int) -> dict[int, Part]:
        """Return this process's groups of the random numbers that all groups draw in turn."""
        generator, found = stream(seed, "glove", name), {}
        for group in range(self.groups):
            values = generator.random(self.shape[1:], np.float32)
            if group in self.own:
                part = np.full(self.shape, params.adagrad == "reference", np.float32)
                part[0] = (values - np.float32(0.5)) / np.float32(params.dimensions)
                found[group] = part
        return found

    def _keeper(self, words: int) -> int:
        """Return the process that has a group of words."""
        return ((words + 1) * self.together.count - 1) // self.groups

    def _holder(self, contexts: int) -> int:
        """Return the process that has a group of contexts at this shift."""
        return self._keeper((contexts - self.shift) % self.groups)

    @contextmanager
    def moving(self, shift: int) -> Iterator[Callable[[int], None]]:
        """Move the contexts to where a round of `shift` needs them, while the block runs.

        Yields a function that takes the number of a group of contexts, each that is here once, as
        soon as it may go; at the end of the block all have arrived.
        """
        before, staying, transfers = self.contexts, {}, list[Transfer]()
        holders = {group: self._holder(group) for group in self._needed(shift)}
        arriving = {
            group: np.empty(self.shape, np.float32)
            for group, holder in holders.items()
            if holder != self.together.rank
        }
        for group, part in arriving.items():
            transfers.append(self.together.receive(part, holders[group], group))

        def go(group: int) -> None:
            to = self._keeper((group - shift) % self.groups)
            if to == self.together.rank:
                staying[group] = before[group]
            else:
                transfers.append(self.together.send(before[group], to, group))
                self.sent_bytes += before[group].nbytes

        yield go
        for transfer in transfers:
            transfer.wait()
        self.contexts, self.shift = {**staying, **arriving}, shift

    def _needed(self, shift: int) -> Iterator[int]:
        return ((group + shift) % self.groups for group in self.own)

    def move(self, shift: int) -> None:
        """Move all contexts to where a round of `shift` needs them."""
        with self.moving(shift) as go:
            for group in self.contexts:
                go(group)

    def vectors(self, which: str) -> NDArray[np.float32]:
        """Return the vectors that `which` names (word, context or sum), float32 (V, D), in every
        process."""
        found = np.empty((self.size, self.shape[2] - 1), np.float32)
        for group, words, contexts in self._at_first():
            rows = found[group :: self.groups]
            rows[:] = (contexts if which == "context" else words)[0, : len(rows), :-1]
            if which == "sum":
                rows += contexts[0, : len(rows), :-1]
        self.together.take_over(found)
        return found

    def _at_first(self) -> Iterator[tuple[int, Part, Part]]:
        """Yield the number, words and contexts of each group, one after another, in the first
        process; the others send theirs and get none."""
        for group in range(self.groups):
            words = self._to_first(self.words, group, self._keeper(group))
            contexts = self._to_first(self.contexts, group, self._holder(group))
            if words is not None and contexts is not None:
                yield group, words, contexts

    def _to_first(self, parts: dict[int, Part], group: int, holder: int) -> Part | None:
        if self.together.rank == holder == 0:
            return parts[group]
        if self.together.rank == holder:
            self.together.send(parts[group], 0, group).wait()
        if self.together.rank > 0:
            return None
        part = np.empty(self.shape, np.float32)
        self.together.receive(part, holder, group).wait()
        return part

    def due(self, checkpoint: Checkpoint, last: bool) -> bool:
        """Return whether it is time to save, by the clock of the first process, or the last one."""
        wanted = checkpoint.path is not None and (last or checkpoint.due())
        return bool(self.together.number_of_first(wanted))

    def save(self, checkpoint: Checkpoint, recipe: Any, costs: Sequence[float]) -> None:
        """Keep all parts and the costs of the iterations so far.

        The first process writes them for all, in several files that are named by the iteration:
        any two trainings of the same recipe write the same, on any number of processes. The
        checkpoint itself, written last, says which are valid; those before are then removed.
        """
        iteration, number = len(costs), 0
        for arrays in self._files():
            file = checkpoint.part(f"{iteration}.{number}")
            file.resume(lambda: recipe)
            file.save(arrays, {"iteration": iteration})
            number += 1
        if self.together.rank > 0:
            return
        before = checkpoint.resume(lambda: recipe)
        checkpoint.save({}, {"costs": list(costs), "files": number})
        if before is not None and len(before[1]["costs"]) != iteration:
            for file in _files_of(checkpoint, before[1]):
                file.clear()

    def _files(self) -> Iterator[Arrays]:
        """Yield, in the first process, the arrays of one file after another."""
        words, contexts = dict[str, Part](), dict[str, Part]()
        for group, own_words, own_contexts in self._at_first():
            words[str(group)], contexts[str(group)] = own_words, own_contexts
            full = 2 * len(words) * own_words.nbytes >= FILE_BYTES
            if full or group == self.groups - 1:
                yield {"words": words, "contexts": contexts}
                words, contexts = {}, {}

    def resume(self, checkpoint: Checkpoint, recipe: Any) -> list[float]:
        """Take the parts of a checkpoint of this recipe, if there is one, and return its costs.

        The first process reads it for all. Where a file is missing or damaged, nothing changes.
        """
        costs, files = [], []
        saved = checkpoint.resume(lambda: recipe) if self.together.rank == 0 else None
        if saved is not None:
            files = _files_of(checkpoint, saved[1])
            if all([file.resume(lambda: recipe) is not None for file in files]):
                costs = saved[1]["costs"]
        found = np.zeros(int(self.together.number_of_first(len(costs))))
        found[: len(costs)] = costs
        self.together.take_over(found)
        if len(found):
            self.shift = 0
            for group, words, contexts in self._stored(files, recipe):
                for parts, part in ((self.words, words), (self.contexts, contexts)):
                    self._from_first(parts, part, group)
        return found.tolist()

    def _stored(
        self, files: Sequence[Checkpoint], recipe: Any
    ) -> Iterator[tuple[int, Part | None, Part | None]]:
        """Yield the number of each group, in the first process with what is stored of it."""
        if self.together.rank > 0:
            yield from ((group, None, None) for group in range(self.groups))
        for file in files:
            stored = file.resume(lambda: recipe)
            if stored is None:  # removed by another training of the same, since it was looked at
                raise UserError(
                    f"{file.path}: the checkpoint was replaced as it was read; run again"
                )
            arrays = stored[0]
            for group in sorted(map(int, arrays["words"])):
                yield group, arrays["words"][str(group)], arrays["contexts"][str(group)]

    def _from_first(self, parts: dict[int, Part], part: Part | None, group: int) -> None:
        keeper = self._keeper(group)
        if self.together.rank == keeper:
            parts.setdefault(group, np.empty(self.shape, np.float32))
        if part is not None and keeper == 0:
            parts[group][:] = part
        elif part is not None:
            self.together.send(part, keeper, group).wait()
        elif self.together.rank == keeper:
            self.together.receive(parts[group], 0, group).wait()


def _files_of(checkpoint: Checkpoint, state: dict[str, Any]) -> list[Checkpoint]:
    iteration = len(state["costs"])
    return [checkpoint.part(f"{iteration}.{number}") for number in range(state["files"])]
