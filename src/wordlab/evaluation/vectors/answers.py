"""The scores of one training in a sweep, and its answers as text, to compare trials by."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors.analogy import AnalogyResult
from wordlab.evaluation.vectors.scores import (
    ANALOGY,
    GROUPS,
    by_first_method,
    evaluate,
)
from wordlab.evaluation.vectors.sets import EvaluationSets
from wordlab.evaluation.vectors.similarity import SimilarityResult
from wordlab.params.embeddings import EvaluationParams

ANSWERS = "answers"
"""What `measure` calls the answers, item by item."""


def measure(vectors: Vectors, params: EvaluationParams, sets: EvaluationSets) -> dict[str, Any]:
    """Return the scores that one training is judged by, NaN for what cannot be scored, and answers.

    `analogy_semantic`, `analogy_syntactic` and `analogy_total`: shares of right answers among
    the known questions, by the first method of `params`; by the name of each set of pairs:
    Spearman's correlation. `answers`: by set, which items are known, and the cosines of these, or
    which are answered rightly, each as text, of which `unpacked` makes results again.
    """
    scored = evaluate(vectors, by_first_method(params), seed=0, sets=sets)
    ((answered,),) = scored.analogy.values()
    found = {f"analogy_{group}": answered.accuracy(sets.questions.group(group)) for group in GROUPS}
    answers = {ANALOGY: [_bits(answered.known), _bits(answered.correct)]}
    for name, (result,) in scored.similarity.items():
        found[name] = result.spearman()
        cosines = result.cosines[result.known].astype("<f4")
        answers[name] = [_bits(result.known), base64.b64encode(cosines.tobytes()).decode()]
    return {**{name: round(value, 6) for name, value in found.items()}, ANSWERS: answers}


def unpacked(
    answers: Mapping[str, Sequence[str]], sets: EvaluationSets
) -> dict[str, SimilarityResult | AnalogyResult]:
    """Return the results whose `answers` `measure` returned; the words answered are not kept."""
    known, correct = (_flags(text, len(sets.questions)) for text in answers[ANALOGY])
    found: dict[str, SimilarityResult | AnalogyResult] = {
        ANALOGY: AnalogyResult(sets.questions, known, (None,) * len(known), correct)
    }
    for pairs in sets.pairs:
        known = _flags(answers[pairs.name][0], len(pairs))
        cosines = np.zeros(len(pairs))
        cosines[known] = np.frombuffer(base64.b64decode(answers[pairs.name][1]), "<f4")
        found[pairs.name] = SimilarityResult(pairs, known, cosines)
    return found


def _bits(flags: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(flags).tobytes()).decode()


def _flags(text: str, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(packed, count=count).astype(bool)
