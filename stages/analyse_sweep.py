"""analyse_sweep: which settings matter, beyond the noise of the seed, from a sweep's trials."""

import pandas as pd

from wordlab import artifacts
from wordlab.analysis import language, summary, vectors
from wordlab.evaluation import scores
from wordlab.pipeline import stage


def main(run: stage.Stage) -> None:
    sweep = run.input(f"sweep_{run.item}")
    trials = pd.read_parquet(sweep / "trials.parquet")
    if run.item == "recurrent":
        known = pd.read_parquet(sweep / "baselines.parquet")
        tables = language.analyse(trials, known, run.params.sweep_recurrent, seed=run.params.seed)
        metrics = language.metrics(tables)
    else:
        params = {"word2vec": run.params.sweep_word2vec, "glove": run.params.sweep_glove}
        evaluation = run.params.evaluation
        sets = scores.read_sets(evaluation)
        tables = vectors.analyse(trials, params[run.item], evaluation, sets, seed=run.params.seed)
        metrics = summary.metrics(tables)
    artifacts.write_tables(run.output("tables"), tables)
    run.metrics(metrics)


if __name__ == "__main__":
    stage.run(main)
