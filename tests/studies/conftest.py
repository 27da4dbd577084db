"""Small networks for the studies."""

from collections.abc import Callable

import pytest

from wordlab.params.language import LanguageModelParams, NetworkParams


@pytest.fixture
def networks(
    network: Callable[..., NetworkParams],
) -> Callable[..., dict[str, LanguageModelParams]]:
    """Return a maker of small networks' settings, by cell."""
    small = network(embedding_size=8, hidden_size=8, epochs=1, bptt_length=10).model_dump()
    return lambda *cells: {
        cell: LanguageModelParams.model_validate({**small, "cell": cell}) for cell in cells
    }
