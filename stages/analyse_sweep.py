"""analyse_sweep: which settings matter, beyond the noise of the seed, from a sweep's trials."""

from wordlab.analysis.sweeps import SCORE, analyse_language, analyse_vectors
from wordlab.artifacts import read_exact
from wordlab.evaluation.vectors.answers import ANSWERS
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    sweep = run.input(f"sweep_{run.item}")
    params, seed = getattr(run.params, f"sweep_{run.item}"), run.params.seed
    if run.item == "recurrent":
        trials = read_exact(sweep / "trials.parquet", ["model", SCORE])
        known = read_exact(sweep / "baselines.parquet", ["unigram_loss", "kneser_ney_loss"])
        found = analyse_language(trials, known, params, seed=seed)
    else:
        evaluation = run.params.evaluation
        columns = ["model", *params.grid, ANSWERS]
        trials = read_exact(sweep / "trials.parquet", columns)
        sets = read_sets(evaluation)
        found = analyse_vectors(trials, params, evaluation, sets, seed=seed)
    run.result(found)


if __name__ == "__main__":
    stage.run(main)
