import pytest
import torch
from torch import nn

from wordlab.recurrent.optimizers import (
    SGD,
    AdamW,
    AveragedSGD,
    clip_gradients,
    clip_values,
    gradient_norms,
)


def weights() -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: nn.Parameter(torch.randn(*shape, generator=generator))
        for name, shape in (("matrix", (3, 2)), ("bias", (3,)))
    }


def give_gradients(parameters, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(*parameter.shape, generator=generator)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_equals_torch(weight_decay):
    ours, theirs = weights(), weights()
    optimizer = AdamW(ours, weight_decay=weight_decay)
    peer = torch.optim.AdamW(
        [
            {"params": [theirs["matrix"]], "weight_decay": weight_decay},
            {"params": [theirs["bias"]], "weight_decay": 0.0},
        ],
        lr=0.01,
    )
    for number in range(1, 30):
        give_gradients(ours.values(), number)
        give_gradients(theirs.values(), number)
        optimizer.step(0.01, number)
        peer.step()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name])


def test_sgd_with_decay():
    parameters = weights()
    before = {name: weight.detach().clone() for name, weight in parameters.items()}
    give_gradients(parameters.values(), 1)
    SGD(parameters, weight_decay=0.5).step(0.1, 1)
    matrix, bias = parameters["matrix"], parameters["bias"]
    torch.testing.assert_close(matrix, before["matrix"] * 0.95 - 0.1 * matrix.grad)
    torch.testing.assert_close(bias, before["bias"] - 0.1 * bias.grad)


def test_the_average_is_the_mean_of_what_came_after_its_beginning():
    parameters = weights()
    optimizer = AveragedSGD(parameters, weight_decay=0.0)
    seen = []
    for number in range(1, 7):
        if number == 3:
            optimizer.begin_average()
        give_gradients(parameters.values(), number)
        optimizer.step(0.1, number)
        seen.append(parameters["matrix"].detach().clone())
    with optimizer.averaged():
        torch.testing.assert_close(parameters["matrix"].detach(), torch.stack(seen[2:]).mean(0))
    assert torch.equal(parameters["matrix"], seen[-1])


def test_clipping_scales_all_gradients_together():
    parameters = list(weights().values())
    give_gradients(parameters, 1)
    before = [parameter.grad.clone() for parameter in parameters]
    norm = clip_gradients(parameters, None)
    assert norm == pytest.approx(torch.cat([g.flatten() for g in before]).norm().item())
    assert clip_gradients(parameters, norm * 2) == norm
    assert all(torch.equal(p.grad, g) for p, g in zip(parameters, before, strict=True))
    assert clip_gradients(parameters, norm / 4) == norm
    for parameter, gradient in zip(parameters, before, strict=True):
        torch.testing.assert_close(parameter.grad, gradient / 4)


def test_clipping_by_value_changes_the_entries_beyond_it_alone():
    parameters = list(weights().values())
    give_gradients(parameters, 1)
    before = [parameter.grad.clone() for parameter in parameters]
    largest = max(float(g.abs().max()) for g in before)
    assert not clip_values(parameters, None)
    assert not clip_values(parameters, largest)
    assert all(torch.equal(p.grad, g) for p, g in zip(parameters, before, strict=True))
    assert clip_values(parameters, largest / 2)
    for parameter, gradient in zip(parameters, before, strict=True):
        assert torch.equal(parameter.grad, gradient.clamp(-largest / 2, largest / 2))


def test_the_norms_of_all_gradients_make_up_the_norm_of_them_together():
    parameters = list(weights().values())
    give_gradients(parameters, 1)
    norms = gradient_norms(parameters)
    torch.testing.assert_close(norms[0], parameters[0].grad.norm())
    assert float(norms.norm()) == pytest.approx(clip_gradients(parameters, None))
