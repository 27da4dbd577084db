"""Optimisers, from their equations, and clipping by the norm of all gradients together.

torch.optim does the same, but imports torch's compiler with it, which takes longer than many a
training here.
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
_BLOCK = 1 << 16
"""Numbers updated at a time: few enough to stay in a processor's cache meanwhile."""


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
        scale_1, scale_2 = 1 - _BETA_1**number, 1 - _BETA_2**number
        with torch.no_grad():
            for name, weight in self.weights.items():
                self._decay(weight, rate)
                gradient = weight.grad
                if gradient is None:
                    continue
                for w, g, mean, square in zip(
                    *(
                        whole.detach().flatten().split(_BLOCK)
                        for whole in (weight, gradient, self.means[name], self.squares[name])
                    ),
                    strict=True,
                ):
                    mean.lerp_(g, 1 - _BETA_1)
                    square.mul_(_BETA_2).addcmul_(g, g, value=1 - _BETA_2)
                    root = torch.sqrt(square, out=g)
                    root.div_(math.sqrt(scale_2)).add_(_EPSILON)
                    w.addcdiv_(mean, root, value=-rate / scale_1)


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
