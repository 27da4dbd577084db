import numpy as np
import pytest

from wordlab.asking.prediction import beginning
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("the", "cat"), np.array([2, 1]))


@pytest.mark.parametrize(
    ("units", "read"),
    [("sentences", "the cat\n"), ("lines", "the cat\n"), ("documents", "the cat")],
)
def test_a_line_break_ends_what_the_pipeline_ends_there(network, repository, units, read):
    model = LanguageModel(network(), WORDS, "word", seed=1)
    preprocess = load(repository / "params.yaml").preprocess.model_copy(update={"units": units})
    assert beginning(model, "the cat\n", preprocess) == read
    assert beginning(model, "the cat", preprocess) == "the cat"
