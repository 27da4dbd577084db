"""train_word2vec: skip-gram, CBOW, or skip-gram by n-grams, on the training split."""

from typing import Any, cast

from wordlab import progress, rng
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import save_trainings
from wordlab.embeddings.word2vec import subword
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation.vectors import scores
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    params = getattr(run.params.word2vec, run.item)
    run.settings(run.item, params.model_dump())
    vocabulary = Vocabulary.load(run.input("vocabulary"))
    corpus = EncodedCorpus.load(run.input("corpus") / "train", vocabulary)
    probe = scores.scorer() if params.score_epochs else None
    trainings, ngrams = [], []
    for number, seed in enumerate(rng.seeds(run.params.seed, run.params.vector_seeds), start=1):
        first = number == 1  # the one whose curve is drawn, and whose n-grams are kept
        how: dict[str, Any] = {
            "seed": seed,
            "on_epoch": run.on_step if first else progress.ignore_step,
            "probe": probe if first else None,
            "checkpoint": run.checkpoint.part(number),
        }
        if run.item == "subword":
            vectors, subwords = subword.train(corpus, vocabulary, params, **how)
            ngrams += [subwords] if first else []
        else:
            architecture = cast(word2vec.Architecture, run.item)
            vectors = word2vec.train(corpus, vocabulary, params, architecture=architecture, **how)
        trainings.append(vectors)
    folder = run.output("models")
    save_trainings(folder, trainings)
    for subwords in ngrams:
        subwords.save(folder)
    run.curve("epoch")


if __name__ == "__main__":
    stage.run(main)
