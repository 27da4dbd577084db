"""Skip-gram by the n-grams of words, which gives words never seen a vector (fastText)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wordlab import progress
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ngrams import Ngrams, Subwords, in_lower_case, ngrams_of
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec.engines import ENGINES, Engine
from wordlab.embeddings.word2vec.subword_kernels import gather_means
from wordlab.embeddings.word2vec.training import Probe, Training
from wordlab.params.embeddings import SubwordParams


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: SubwordParams,
    *,
    seed: int,
    threads: int | None = None,
    on_epoch: progress.StepLogger = progress.ignore_step,
    probe: Probe | None = None,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> tuple[Vectors, Subwords]:
    """Return the vectors of the words of `corpus` and those of their n-grams.

    Skip-gram with negative sampling whose input row is the mean of a word's own row and those of
    its n-grams (Bojanowski et al. 2017); a word's vector is this mean. All else is as in
    `training.train`, errors too.
    """
    training = SubwordTraining(corpus, vocabulary, params, "subword", seed, threads)
    training.run(on_epoch, probe, checkpoint)
    return training.vectors(), training.subwords()


@dataclass
class SubwordTraining(Training):
    params: SubwordParams
    ngrams: Ngrams = field(init=False, repr=False)

    def made_engine(self, threads: int) -> Engine:
        params = self.params.model_copy(update={"window": self.window})
        self.ngrams = ngrams_of(
            self.vocabulary.words, params.min_ngram, params.max_ngram, params.buckets
        )
        return ENGINES["negative_sampling"](
            self.vocabulary, params, "subword", self.seed, threads, self.ngrams
        )

    def vectors(self) -> Vectors:
        """Return the means of the rows as they are now, with the settings that made them."""
        inputs, words = self.engine.weights.inputs, len(self.vocabulary)
        means = np.empty((words, inputs.shape[1]), dtype=np.float32)
        gather_means(inputs, words, self.ngrams, np.arange(words, dtype=np.int32), means)
        matrix = means[:, : self.params.dimensions].copy()
        return Vectors(self.vocabulary, matrix, self.description())

    def description(self) -> dict[str, Any]:
        """Return the settings that make the vectors; `output` and `vectors` of others do not."""
        return super().description() | {"output": "negative_sampling", "vectors": "input"}

    def subwords(self) -> Subwords:
        """Return the rows of n-grams as they are now."""
        first, params = len(self.vocabulary), self.params
        rows = self.engine.weights.inputs[first : first + params.buckets, : params.dimensions]
        lower_case = in_lower_case(self.vocabulary.words)
        return Subwords(rows.copy(), params.min_ngram, params.max_ngram, lower_case)
