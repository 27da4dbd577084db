"""Scores of word vectors while they are trained, epoch by epoch."""

from collections.abc import Callable

from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import analogy, similarity
from wordlab.evaluation.datasets import packaged
from wordlab.evaluation.spaces import DenseSpace


def scorer() -> Callable[[Vectors], dict[str, float]]:
    """Return a function from vectors to `wordsim353`, Spearman's, and `analogy`, 3CosAdd's share.

    Over the pairs and questions whose words are known, upper and lower case alike; NaN where
    none is. Raises UserError if gensim, which brings both sets, is not installed.
    """
    pairs = similarity.read_pairs(packaged("wordsim353"), "wordsim353")
    questions = analogy.read_questions(packaged("analogies"))

    def score(vectors: Vectors) -> dict[str, float]:
        space = DenseSpace(vectors)
        answered = analogy.score(space, questions, "3cosadd", ignore_case=True)
        return {
            "wordsim353": similarity.score(space, pairs, ignore_case=True).spearman(),
            "analogy": answered.accuracy(questions.group("total")),
        }

    return score
