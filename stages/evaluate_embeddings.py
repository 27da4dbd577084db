"""evaluate_embeddings: every model of word vectors against human judgement and on analogies."""

from collections.abc import Mapping

from wordlab import stage
from wordlab.artifacts import rounded, write_json
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import scores
from wordlab.evaluation.spaces import Space, SparseSpace
from wordlab.results import embedding_headline

VECTORS = ("cbow", "skipgram", "glove", "ppmi_svd")


def main(run: stage.Stage) -> None:
    params = run.params.evaluation
    models: dict[str, Vectors | Space] = {name: Vectors.load(run.input(name)) for name in VECTORS}
    ppmi = PpmiModel.load(run.input("ppmi"))
    models["ppmi"] = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    sets = scores.read_sets(params)
    metrics = {}
    for name, model in models.items():
        scored = scores.evaluate(model, params, seed=run.params.seed, sets=sets)
        metrics[name] = scored.metrics()
        run.on_trial(name, {"model": name, **settings(model)}, metrics[name])
    run.metrics(metrics)
    write_json(run.output("headline"), rounded(embedding_headline(metrics)))


def settings(model: Vectors | Space) -> Mapping[str, object]:
    """Return the settings a model was trained with, as its description tells."""
    told = model.description if isinstance(model, Vectors) else {}
    return told.get("params", {name: x for name, x in told.items() if name != "model"})


if __name__ == "__main__":
    stage.run(main, inputs=[*VECTORS, "ppmi"], outputs=["metrics", "headline"])
