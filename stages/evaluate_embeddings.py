"""evaluate_embeddings: every model of word vectors against human judgement and on analogies."""

from collections.abc import Mapping

from wordlab import names
from wordlab.artifacts import write_json
from wordlab.evaluation import models
from wordlab.evaluation.vectors import scores, sets
from wordlab.evaluation.vectors.scores import Trained
from wordlab.pipeline import champions, stage


def main(run: stage.Stage) -> None:
    params = run.params.evaluation
    trained, _ = models.load(run.input)
    found = scores.evaluate_all(trained, params, seed=run.params.seed)
    metrics = {name: scored.metrics() for name, scored in found.items()}
    for name, model in trained.items():
        run.on_trial(name, {"model": name, **settings(model)}, metrics[name])
    run.metrics(metrics)
    headline = scores.headline(metrics)
    write_json(run.output("headline"), names.people(headline))
    run.table("scores", names.column(scores.intervals(metrics)))
    held = {
        run.input(name): champions.of_vectors(scored, headline[name])
        for name, scored in found.items()
    }
    champions.hold(run.recorder, held, sets.digests(params))


def settings(model: Trained) -> Mapping[str, object]:
    """Return the settings of a model's first training, from the description of its vectors."""
    described = getattr(scores.trainings(model)[0], "description", {})
    return described.get("params", {name: x for name, x in described.items() if name != "model"})


if __name__ == "__main__":
    stage.run(main)
