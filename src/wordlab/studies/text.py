"""The text of a study of small language models: learnt, chosen on, scored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.params.studies import CellStudyParams, RegularisationStudyParams
from wordlab.recurrent.batches import document_starts, language_ids


@dataclass(frozen=True, eq=False)
class Text:
    """What is learnt, what chooses and what is scored, as classes of the `vocabulary`'s words."""

    train_ids: NDArray[np.int64]
    valid_ids: NDArray[np.int64]
    test: HeldOut
    vocabulary: Vocabulary

    @classmethod
    def load(
        cls,
        corpus: Path,
        vocabulary: Path,
        params: CellStudyParams | RegularisationStudyParams,
    ) -> "Text":
        """Return as much of each split in the folder `corpus` as `params` say, and of the words."""
        known = Vocabulary.load(vocabulary).truncated(params.vocabulary_size)
        train, valid, test = (
            EncodedCorpus.load(corpus / split) for split in ("train", "valid", "test")
        )
        valid, test = valid.shortened(params.valid_tokens), test.shortened(params.test_tokens)
        scored = HeldOut(language_ids(test, known), document_starts(test), known.unknown, known.end)
        train_ids = language_ids(train, known)[: params.train_tokens]
        return cls(train_ids, language_ids(valid, known), scored, known)
