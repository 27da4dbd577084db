"""Language models on real text, trained for an epoch with the shipped settings."""

import numpy as np
import pytest

from wordlab.params.whole import load
from wordlab.recurrent.batches import alphabet, character_ids
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("level", ["word", "character"])
def test_one_stream_and_sixteen_agree(repository, article_sentences, article_words, level, cell):
    shipped = load(repository / "params.yaml")
    if level == "word":
        ids, known = article_words
        params = getattr(shipped.language_model, cell)
    else:
        known = alphabet(article_sentences, min_count=5)
        ids = character_ids(article_sentences, known)
        params = shipped.character_model.model_copy(update={"cell": cell})
    params = params.model_copy(update={"epochs": 1})
    split = 4 * len(ids) // 5
    model = LanguageModel(params, known, level=level, seed=1)
    train(model, ids[:split], ids[split:][:2000], params, seed=1)
    one, sixteen = (model.token_losses(ids[split:], streams=n).mean() for n in (1, 16))
    assert sixteen == pytest.approx(one, rel=0.01)
    assert one < 0.9 * np.log(known.classes)
