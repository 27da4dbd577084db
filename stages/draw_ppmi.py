"""draw_ppmi: the truncated SVD of PPMI on draws of the documents of the training split."""

from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.vectors import Vectors
from wordlab.pipeline import stage
from wordlab.studies import draws


def main(run: stage.Stage) -> None:
    params, counting = run.params.ppmi, run.params.cooccurrence
    vocabulary = Vocabulary.load(run.input("vocabulary"))

    def learn(text: EncodedCorpus, words: Vocabulary, seed: int, kept: Checkpoint) -> Vectors:
        counts = cooccurrence.count(text, words, counting, seed=seed)
        return ppmi.factorise(ppmi.ppmi(counts, params).matrix, words, params, seed=seed)

    draws.train(
        run.output("draws"),
        EncodedCorpus.load(run.input("corpus") / "train", vocabulary),
        vocabulary,
        learn,
        params.dimensions,
        run.params.draws.count,
        model="ppmi_svd",
        seed=run.params.seed,
        checkpoint=run.checkpoint,
    )


if __name__ == "__main__":
    stage.run(main)
