"""analyse_sweep: which settings matter, beyond the noise of the seed, from a sweep's trials."""

import pandas as pd

from wordlab.analysis.sweeps import analyse_language, analyse_vectors
from wordlab.evaluation.vectors import scores
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    sweep = run.input(f"sweep_{run.item}")
    trials = pd.read_parquet(sweep / "trials.parquet")
    params, seed = getattr(run.params, f"sweep_{run.item}"), run.params.seed
    if run.item == "recurrent":
        known = pd.read_parquet(sweep / "baselines.parquet")
        found = analyse_language(trials, known, params, seed=seed)
    else:
        evaluation = run.params.evaluation
        sets = scores.read_sets(evaluation)
        found = analyse_vectors(trials, params, evaluation, sets, seed=seed)
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
