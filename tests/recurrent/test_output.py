import pytest
import torch
from torch.nn import functional as F

from wordlab.recurrent import output
from wordlab.recurrent.output import AdaptiveSoftmax, FullSoftmax, linear_cross_entropy


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def layer(kind: str) -> FullSoftmax | AdaptiveSoftmax:
    if kind == "full":
        made = FullSoftmax(6, 20, generator(), None)
    else:
        made = AdaptiveSoftmax(6, 20, [4, 9], generator(), None)
    made.bias.data = torch.randn(20, generator=generator(1))
    return made


def hidden(count: int, seed: int = 2) -> torch.Tensor:
    return 3 * torch.randn(count, 6, generator=generator(seed))


@pytest.mark.parametrize("kind", ["full", "adaptive"])
def test_probabilities_sum_to_1(kind):
    p = layer(kind).log_probabilities(hidden(7).view(7, 1, 6)).exp()
    assert p.shape == (7, 1, 20)
    torch.testing.assert_close(p.sum(-1), torch.ones(7, 1))
    assert (p > 0).all()


@pytest.mark.parametrize("kind", ["full", "adaptive"])
def test_losses_are_those_of_the_probabilities(kind):
    softmax, states, targets = layer(kind), hidden(20), torch.arange(20)
    expected = -softmax.log_probabilities(states)[targets, targets]
    torch.testing.assert_close(softmax.losses(states, targets), expected)
    torch.testing.assert_close(softmax.loss(states, targets), expected.mean())


@pytest.mark.parametrize("kind", ["full", "adaptive"])
def test_gradients_are_those_of_the_probabilities(kind):
    softmax, targets = layer(kind), torch.tensor([0, 3, 19, 18, 12, 5, 17, 0])
    states = hidden(8).requires_grad_()
    wanted = (states, *softmax.parameters())
    plain = -softmax.log_probabilities(states)[torch.arange(8), targets].mean()
    expected = torch.autograd.grad(plain, wanted)
    got = torch.autograd.grad(softmax.loss(states, targets), wanted)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_cross_entropy_in_blocks_is_the_whole(monkeypatch):
    monkeypatch.setattr(output, "_BLOCK", 60)
    inputs = [hidden(11), torch.randn(20, 6, generator=generator(3)), torch.zeros(20)]
    inputs = [tensor.double().requires_grad_() for tensor in inputs]
    targets = torch.randint(20, (11,), generator=generator(4))
    total = linear_cross_entropy(*inputs, targets)
    torch.testing.assert_close(total, F.cross_entropy(F.linear(*inputs), targets))
    assert torch.autograd.gradcheck(
        lambda *tensors: linear_cross_entropy(*tensors, targets), inputs
    )


def test_cross_entropy_of_huge_logits_is_finite():
    weight = torch.tensor([[300.0], [-300.0]], requires_grad=True)
    total = linear_cross_entropy(torch.ones(1, 1), weight, torch.zeros(2), torch.tensor([1]))
    total.backward()
    assert total.item() == 600
    assert weight.grad.tolist() == [[1.0], [-1.0]]
