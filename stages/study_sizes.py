"""study_sizes: what the size of the text does to the scores of word vectors."""

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.embeddings.vectors import Vectors
from wordlab.pipeline import stage
from wordlab.studies.sizes import Recipes, study_sizes

VECTORS = ("skipgram", "ppmi_svd", "glove")


def main(run: stage.Stage) -> None:
    recipes = Recipes(
        run.params.vocabulary,
        run.params.word2vec.skipgram,
        run.params.cooccurrence,
        run.params.ppmi,
        run.params.glove,
    )
    whole = {name: Vectors.load(run.input(name)) for name in VECTORS}
    found = study_sizes(
        EncodedCorpus.load(run.input("corpus") / "train", whole[VECTORS[0]].vocabulary),
        whole,
        recipes,
        run.params.size_study,
        run.params.evaluation,
        seed=run.params.seed,
    )
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
