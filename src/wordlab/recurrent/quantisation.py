"""Vectors rounded to a few bits a number."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Rounds each number of a vector to 2^bits levels, equally far apart.

    low, high: float32 (Z,), where each number's lowest and highest level lie; what is beyond is
    brought to the nearest. They belong to the decoder, not to what is sent of a sequence.
    """

    low: Tensor
    high: Tensor

    @classmethod
    def fitted(cls, vectors: Tensor) -> "Quantiser":
        """Return the quantiser whose levels span what `vectors` (N, Z) hold."""
        return cls(vectors.amin(dim=0), vectors.amax(dim=0))

    def rounded(self, vectors: Tensor, bits: int) -> Tensor:
        """Return `vectors` (N, Z) as `bits` bits a number bring them back."""
        steps = 2**bits - 1
        width = ((self.high - self.low) / steps).clamp(min=torch.finfo(self.low.dtype).tiny)
        return self.low + ((vectors - self.low) / width).round().clamp(0, steps) * width


def as_float16(vectors: Tensor) -> Tensor:
    """Return `vectors` as IEEE half precision, 16 bits a number, brings them back."""
    return vectors.half().to(vectors.dtype)
