"""Two tasks with known answers that only a network with a long memory can give.

Adding (Hochreiter & Schmidhuber 1997, 5.4, with numbers drawn from 0..1): two numbers of a sequence
are marked, and their sum is asked for at its end. Copying (Arjovsky, Shah & Bengio 2016, 4.1):
symbols are shown, and asked for again after a delay.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab import rng
from wordlab.params.language import CellParams
from wordlab.params.studies import TaskParams
from wordlab.recurrent.cells import drawn
from wordlab.recurrent.devices import threads
from wordlab.recurrent.layers import RecurrentLayers
from wordlab.recurrent.optimizers import AdamW, clip_gradients
from wordlab.recurrent.training import DivergedError

Task = Literal["adding", "copying"]
TOLERANCE = 0.04
"""A sum is right where it is off by less (Hochreiter & Schmidhuber 1997, 5.4)."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Sequences of a task: inputs (T, B, I), float32, and what is asked for at the last steps.

    targets: of adding the sums (1, B), float32; of copying the symbols (K, B), int64.
    """

    inputs: Tensor
    targets: Tensor


def baseline(task: Task, symbols: int) -> float:
    """Return the share of answers that are right if all are 1, or the same symbol.

    The sum of two numbers drawn from 0..1 has the density min(s, 2 - s).
    """
    return 2 * TOLERANCE - TOLERANCE**2 if task == "adding" else 1 / symbols


def draw_adding(length: int, count: int, random: np.random.Generator) -> Answers:
    """Return `count` sequences of `length` steps, a number and a mark each, and the sums.

    One mark is in the first half, the other in the second.
    """
    values = random.random((length, count), dtype=np.float32)
    marks = np.zeros_like(values)
    columns = np.arange(count)
    for low, high in ((0, length // 2), (length // 2, length)):
        marks[random.integers(low, high, size=count), columns] = 1
    inputs = torch.from_numpy(np.stack([values, marks], axis=2))
    return Answers(inputs, torch.from_numpy((values * marks).sum(axis=0, keepdims=True)))


def draw_copying(
    delay: int, count: int, symbols: int, copied: int, random: np.random.Generator
) -> Answers:
    """Return `count` sequences of `copied` symbols, `delay` - 1 blanks, a sign, and room to answer.

    Inputs are one-hot over the symbols, the blank and the sign; the answers are due at the last
    `copied` steps.
    """
    blank, sign = symbols, symbols + 1
    shown = torch.from_numpy(random.integers(0, symbols, size=(copied, count)))
    ids = torch.full((copied + delay + copied, count), blank)
    ids[:copied] = shown
    ids[copied + delay - 1] = sign
    return Answers(F.one_hot(ids, symbols + 2).float(), shown)


class TaskNetwork(nn.Module):
    """Recurrent layers, and a linear layer on their hidden states at the last steps."""

    def __init__(
        self,
        cells: CellParams,
        inputs: int,
        hidden_size: int,
        outputs: int,
        layers: int,
        seed: int,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(rng.derive(seed, "task", cells.cell))
        self.layers = RecurrentLayers(cells, inputs, hidden_size, layers, generator)
        self.weight = drawn(outputs, hidden_size, hidden_size**-0.5, generator)
        self.bias = nn.Parameter(torch.ones(outputs))  # a sum is 1 at the mean

    def forward(self, inputs: Tensor, last: int) -> Tensor:
        """Return the outputs (last, B, outputs) at the `last` steps of `inputs` (T, B, I)."""
        hidden, _ = self.layers(inputs)
        return F.linear(hidden[-last:], self.weight, self.bias)


def network(
    task: Task, cells: CellParams, params: TaskParams, *, hidden_size: int, layers: int, seed: int
) -> TaskNetwork:
    """Return a new network with the inputs and outputs of a task."""
    adding = task == "adding"
    inputs, outputs = (2, 1) if adding else (params.symbols + 2, params.symbols)
    return TaskNetwork(cells, inputs, hidden_size, outputs, layers, seed)


def learn(
    task: Task,
    cells: CellParams,
    delay: int,
    params: TaskParams,
    *,
    seed: int,
    layers: int = 1,
    section: str = "gradient_study.tasks",
) -> dict[str, float]:
    """Train a network on a task over `delay` steps, and return how it does on new sequences.

    The learning rate falls linearly to 0, for a sum within `TOLERANCE` needs small last steps.
    success: the share of sums within `TOLERANCE`, or of symbols right; loss: the mean squared
    error, or the cross-entropy in nats per symbol. section: where `params` are.
    Raises DivergedError where the loss is no longer a number.
    """
    random = rng.stream(seed, "task", task, delay)

    def draw(count: int) -> Answers:
        if task == "adding":
            return draw_adding(delay, count, random)
        return draw_copying(delay, count, params.symbols, params.copied, random)

    test = draw(params.test_sequences)
    with threads():
        size = params.hidden_size
        model = network(task, cells, params, hidden_size=size, layers=layers, seed=seed)
        optimizer = AdamW(dict(model.named_parameters()), weight_decay=0.0)
        for step in range(params.steps):
            batch = draw(params.batch_size)
            model.zero_grad(set_to_none=True)
            loss = _loss(model(batch.inputs, len(batch.targets)), batch.targets)
            loss.backward()
            clip_gradients(model.parameters(), params.clip_norm)
            if not np.isfinite(loss.item()):
                raise DivergedError(
                    f"{section}.rate: {task} diverged at batch {step + 1}; expected a "
                    f"rate lower than {params.rate:g}"
                )
            optimizer.step(params.rate * (1 - step / params.steps), step + 1)
        with torch.no_grad():
            answers = model(test.inputs, len(test.targets))
            right = _right(answers, test.targets)
            return {"success": float(right.float().mean()),
                    "loss": float(_loss(answers, test.targets))}  # fmt: skip


def _loss(answers: Tensor, targets: Tensor) -> Tensor:
    """Return the error of answers (K, B, outputs) to `targets` (K, B): squares, cross-entropy."""
    if targets.is_floating_point():
        return (answers[..., 0] - targets).square().mean()
    return F.cross_entropy(answers.flatten(0, 1), targets.flatten())


def _right(answers: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return (answers[..., 0] - targets).abs() < TOLERANCE
    return answers.argmax(dim=-1) == targets
