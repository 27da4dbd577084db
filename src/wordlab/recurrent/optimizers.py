"""Optimisers, from their equations, and clipping by the norm of all gradients together.

torch.optim does the same, but imports torch's compiler with it, which takes longer than many a
training here. Of it AdamW takes the kernel alone, which goes through all weights once.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from wordlab.params.language import NetworkParams


def rate(params: NetworkParams, step: int, total: int, plateau_factor: float) -> float:
    """Return the learning rate of update `step`, from 0, of `total`.

    plateau_factor: what the schedule plateau has come down to, as a share of the highest rate.
    """
    rising = params.warmup * total
    if step + 1 < rising:
        return params.rate * (step + 1) / rising
    share = max(0.0, (step - rising) / max(1.0, total - rising))  # of the way down
    if params.schedule == "linear":
        return params.rate * (1 - share)
    if params.schedule == "cosine":
        return params.rate * 0.5 * (1 + math.cos(math.pi * share))
    return params.rate * plateau_factor


_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
"""Kingma & Ba 2015, section 2."""


class SGD:
    """w' = w - rate * (gradient + weight_decay * w); the decay is for matrices, not for biases."""

    def __init__(self, weights: Mapping[str, nn.Parameter], *, weight_decay: float) -> None:
        self.weights, self.weight_decay = dict(weights), weight_decay

    def state(self) -> dict[str, Tensor]:
        """Return what to keep for going on later, besides the weights."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for name, kept in self.state().items():
            kept.copy_(state[name])

    def begin_average(self) -> None:
        """Average the weights from here on, where the optimiser is one that does."""

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the averages as weights in the body, where there are any."""
        yield

    def step(self, rate: float, number: int) -> None:
        """Make update `number`, counted from 1; the gradients' memory is used up."""
        with torch.no_grad():
            for weight in self.weights.values():
                self._decay(weight, rate)
                if weight.grad is not None:
                    weight.sub_(weight.grad, alpha=rate)

    def _decay(self, weight: Tensor, rate: float) -> None:
        if self.weight_decay and weight.dim() > 1:
            weight.mul_(1 - rate * self.weight_decay)


class AveragedSGD(SGD):
    """SGD, and from `begin_average` on the mean of the weights after each update.

    Polyak & Juditsky 1992; when to begin is for the caller to say (Merity et al. 2017, 3).
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], *, weight_decay: float) -> None:
        super().__init__(weights, weight_decay=weight_decay)
        self.means = {name: torch.zeros_like(w.detach()) for name, w in self.weights.items()}
        self.count = torch.tensor([-1])
        """Updates in the mean; -1 before it has begun."""

    def state(self) -> dict[str, Tensor]:
        return {"count": self.count, **{f"mean.{name}": m for name, m in self.means.items()}}

    def begin_average(self) -> None:
        self.count.clamp_(min=0)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        if self.count < 1:
            yield
            return
        own = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self._put(self.means)
        try:
            yield
        finally:
            self._put(own)

    def _put(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(values[name])

    def step(self, rate: float, number: int) -> None:
        super().step(rate, number)
        if self.count < 0:
            return
        self.count += 1
        for name, weight in self.weights.items():
            self.means[name].lerp_(weight.detach(), 1 / int(self.count))


class AdamW(SGD):
    """Adam (Kingma & Ba 2015, algorithm 1) with decoupled decay (Loshchilov & Hutter 2019).

    m' = b1 m + (1 - b1) g;  v' = b2 v + (1 - b2) g^2;  w' = w - rate * (decay * w + mhat /
    (sqrt(vhat) + epsilon)), mhat and vhat divided by 1 - b^number.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], *, weight_decay: float) -> None:
        super().__init__(weights, weight_decay=weight_decay)
        self.means = {name: torch.zeros_like(w.detach()) for name, w in self.weights.items()}
        self.squares = {name: torch.zeros_like(w.detach()) for name, w in self.weights.items()}

    def state(self) -> dict[str, Tensor]:
        means = {f"mean.{name}": mean for name, mean in self.means.items()}
        return means | {f"square.{name}": square for name, square in self.squares.items()}

    def step(self, rate: float, number: int) -> None:
        for decayed in (True, False):
            known = [
                (w, w.grad, self.means[name], self.squares[name])
                for name, w in self.weights.items()
                if w.grad is not None and (w.dim() > 1) == decayed
            ]
            if not known:
                continue
            weights, gradients, means, squares = (list(part) for part in zip(*known, strict=True))
            steps = torch.tensor(float(number), device=weights[0].device)
            with torch.no_grad():
                torch._fused_adamw_(  # noqa: SLF001
                    weights, gradients, means, squares, [], [steps] * len(known),
                    lr=rate, beta1=_BETA_1, beta2=_BETA_2, eps=_EPSILON,
                    weight_decay=self.weight_decay if decayed else 0.0,
                    amsgrad=False, maximize=False,
                )  # fmt: skip


def gradient_norms(weights: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of each weight's gradient, (P,); those without one are left out."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    return torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])


def clip_gradients(weights: Iterable[nn.Parameter], limit: float | None) -> float:
    """Scale all gradients so that their norm together is `limit` at most (Pascanu et al. 2013).

    Returns the norm before; None clips nothing.
    """
    weights = list(weights)
    norm = float(gradient_norms(weights).norm())
    if limit is not None and limit < norm < math.inf:
        for weight in weights:
            if weight.grad is not None:
                weight.grad.mul_(limit / norm)
    return norm


def clip_values(weights: Iterable[nn.Parameter], limit: float | None) -> bool:
    """Bring every entry of the gradients within +-`limit`, and say whether any was beyond.

    None clips nothing (Mikolov 2012, 3.2.2).
    """
    if limit is None:
        return False
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    beyond = any(bool(gradient.abs().amax() > limit) for gradient in gradients)
    for gradient in gradients:
        gradient.clamp_(-limit, limit)
    return beyond
