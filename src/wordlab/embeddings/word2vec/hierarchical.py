"""Skip-gram and CBOW with hierarchical softmax: blocks of words and the paths to their targets.

-log p(word) is the sum over the path to it of -log sigma(+-hidden.node) (Morin & Bengio 2005;
Mikolov et al. 2013b, 2.1). As with negative sampling, the gradients of a block are products of
matrices taken at the same weights: the paths to all its targets lie one behind the other as rows,
so that the rows that a word meets are neighbours. Here wordlab departs from word2vec.c, which takes
pair after pair: nodes that a batch would move too far take smaller steps (`node_steps`).
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.word2vec.huffman import Paths
from wordlab.embeddings.word2vec.kernels import (
    gather,
    mean_of_contexts,
    spread_to_contexts,
    total,
)
from wordlab.embeddings.word2vec.stretch import BLOCK, mark_contexts, mark_windows
from wordlab.simd import (
    TILE_ROWS,
    add_product,
    error_and_loss,
    inner_product,
    narrow_product,
    transpose,
)


class Tree(NamedTuple):
    """The paths to all words, and what the gradient of each of their nodes is multiplied by.

    steps: float32, as long as paths.nodes; 1 but for nodes that a batch would move too far.
    """

    paths: Paths
    steps: NDArray[np.float32]


class TreeWorkspace(NamedTuple):
    """One thread's scratch arrays: Q targets, R rows of nodes.

    float32: rows_in (I, P), the contexts of CBOW, then the gradients of their means; hidden
    (BLOCK, P), the input words, in CBOW these means; rows_out (R, P), the nodes; transposed
    (P, BLOCK); scores (R, BLOCK), then errors; mask (BLOCK, I), which words are in whose window,
    and shares (BLOCK,) of CBOW; marks (Q+1, BLOCK), 1 where target q is predicted from hidden i,
    zeros in the last row; turns and steps (R,); losses (BLOCK,). int32: targets (Q,), words or -1;
    owners (R,), the target of each row, Q if it is padding; firsts (Q+1,), where the path to each
    target begins.
    """

    rows_in: NDArray[np.float32]
    hidden: NDArray[np.float32]
    rows_out: NDArray[np.float32]
    transposed: NDArray[np.float32]
    scores: NDArray[np.float32]
    mask: NDArray[np.float32]
    shares: NDArray[np.float32]
    marks: NDArray[np.float32]
    turns: NDArray[np.float32]
    steps: NDArray[np.float32]
    losses: NDArray[np.float32]
    targets: NDArray[np.int32]
    owners: NDArray[np.int32]
    firsts: NDArray[np.int32]


@njit(nogil=True, cache=True)
def lay_paths(tree: Any, work: Any, node_ids: Any) -> int:
    """Lay the paths to all targets one behind the other; return how many rows they fill.

    node_ids: int32 (R,), filled with the nodes, and with -1 behind them. The rows are padded to
    a multiple of TILE_ROWS. Mutates node_ids, and owners, firsts, turns and steps of work.
    """
    paths, rows = tree.paths, 0
    for q in range(len(work.targets)):
        work.firsts[q] = rows
        word = work.targets[q]
        if word >= 0:
            for k in range(paths.starts[word], paths.starts[word + 1]):
                node_ids[rows] = paths.nodes[k]
                work.owners[rows] = q
                work.turns[rows] = paths.turns[k]
                work.steps[rows] = tree.steps[k]
                rows += 1
    work.firsts[len(work.targets)] = rows
    node_ids[rows:] = -1
    while rows % TILE_ROWS:
        work.owners[rows] = len(work.targets)
        rows += 1
    return rows


@njit(nogil=True, cache=True)
def scores_of_owners(scores: Any, rows_out: Any, hidden: Any, owners: Any) -> None:
    """Set scores[r, owners[r]] to the product of row r with the hidden vector of its owner.

    All else of scores (R, BLOCK) becomes 0, and the whole of a row that is padding.
    """
    for row in range(len(scores)):
        for i in range(BLOCK):
            scores[row, i] = 0
        owner = owners[row]
        if owner < BLOCK:
            scores[row, owner] = inner_product(rows_out[row], hidden[owner], hidden.shape[1])


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def turn_errors(scores: Any, turns: Any, owners: Any, marks: Any, losses: Any) -> None:
    """Turn the scores s (R, BLOCK) into errors +-sigma(-+s) where marked, all others into 0.

    Adds the losses -log sigma(+-s) to `losses`.
    """
    for row in range(len(scores)):
        sign = np.float32(1) if turns[row] == 1 else np.float32(-1)
        owner = np.uint64(owners[row])
        for i in range(BLOCK):
            error, loss = error_and_loss(sign * scores[row, i])
            scores[row, i] = marks[owner, i] * sign * error
            losses[i] += marks[owner, i] * loss


@njit(nogil=True, cache=True)
def hierarchical_block(
    weights: Any, stretch: Any, start: int, tree: Any, settings: Any, work: Any, gradients: Any,
    slot: int,
) -> tuple[float, int]:  # fmt: skip
    """Fill gradients[slot] with those of the predictions of the block at `start`.

    Skip-gram predicts, from each word start..start+BLOCK-1, the centres whose windows hold it;
    CBOW these words from the means of their windows. Returns the loss and the number of
    predictions. Mutates work and gradients.
    """
    window, dimensions = settings.window, settings.dimensions
    input_ids, node_ids = gradients.input_ids[slot], gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    hidden, marks, targets, losses = work.hidden, work.marks, work.targets, work.losses
    padded, centres = grad_in.shape[1], len(targets)

    if settings.cbow:
        spread = 0  # target q is predicted from hidden q
        predictions = mark_contexts(
            stretch, start, window, input_ids, targets, work.mask, work.shares
        )
        gather(weights.inputs, input_ids, work.rows_in)
        mean_of_contexts(hidden, work.mask, work.rows_in, work.shares, window)
    else:
        spread = 2 * window  # target q is predicted from hidden q - spread to q
        for i in range(BLOCK):
            input_ids[i] = stretch.tokens[start + i] if start + i < stretch.last else -1
        predictions = mark_windows(stretch, start, window, targets, marks[:centres], work.shares)
        gather(weights.inputs, input_ids, hidden)
    rows = lay_paths(tree, work, node_ids)
    rows_out, scores = work.rows_out[:rows], work.scores[:rows]
    gather(weights.outputs, node_ids[:rows], rows_out)

    if settings.cbow:
        scores_of_owners(scores, rows_out, hidden, work.owners)
    else:
        transpose(hidden, work.transposed)
        narrow_product(scores, rows_out, work.transposed, dimensions)
    losses[:] = 0
    turn_errors(scores, work.turns, work.owners, marks, losses)

    errors_by_input = scores.T
    change = work.rows_in if settings.cbow else grad_in
    for r in range(0, BLOCK, TILE_ROWS):
        first, last = work.firsts[r], work.firsts[r + TILE_ROWS + spread]
        if last > first:
            add_product(
                change, r, 0, padded, errors_by_input, r, first, rows_out, first, 0, last - first,
                True,
            )  # fmt: skip
        else:
            change[r : r + TILE_ROWS] = 0
    for row in range(rows):
        if work.steps[row] != 1:
            for i in range(BLOCK):
                scores[row, i] *= work.steps[row]
    for row in range(0, rows, TILE_ROWS):
        left = max(0, work.owners[row] - spread)
        right = min(BLOCK, work.owners[row + TILE_ROWS - 1] + 1)
        add_product(
            grad_out, row, 0, padded, scores, row, left, hidden, left, 0, right - left, True
        )
    if settings.cbow:
        spread_to_contexts(
            grad_in, work.mask, change[:BLOCK], work.shares, window, settings.corrected
        )
    return total(losses), predictions
