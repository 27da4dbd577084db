"""cooccurrence: weighted counts of word pairs, for PPMI and GloVe alike."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence, sparse
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    corpus = EncodedCorpus.load(run.input("corpus") / "train", vocabulary)
    counts = cooccurrence.count(corpus, vocabulary, run.params.cooccurrence, seed=run.params.seed)
    counts.save(run.output("counts"))
    run.metrics(sparse.summary(counts.matrix))


if __name__ == "__main__":
    stage.run(main)
