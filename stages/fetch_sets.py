"""fetch_sets: the evaluation sets that params name, fetched and checked."""

from wordlab.artifacts import write_json
from wordlab.evaluation.vectors import sets
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    evaluation, relations = run.params.evaluation, run.params.comparison.relations
    sets.read_sets(evaluation)
    sets.read_related(relations)
    write_json(run.output("sets"), sets.digests(evaluation, relations))


if __name__ == "__main__":
    stage.run(main)
