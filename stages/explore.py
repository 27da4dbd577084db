"""explore: a page to ask the word vectors and the GRU on, without a server."""

from wordlab import explorer
from wordlab.artifacts import read_json, read_table, read_text
from wordlab.evaluation import models
from wordlab.evaluation.vectors import by_name
from wordlab.pipeline import stage
from wordlab.recurrent.language_model import LanguageModel


def main(run: stage.Stage) -> None:
    model = LanguageModel.load(run.input("lm_gru"))
    real = read_text(run.input("splits") / "test.txt").splitlines()
    prompts = dict.fromkeys(sample["prompt"] for sample in read_json(run.input("samples")))
    stable = read_table(run.input("study_neighbours") / "stability.csv").dropna()
    page = explorer.build(
        models.spaces(run.input),
        read_json(run.input("map_embeddings") / "drawn.json"),
        run.params.explorer,
        run.params.preprocess,
        stability={
            str(name): dict(zip(own["word"], own["stability"], strict=True))
            for name, own in stable.groupby("model")
        },
        model=model,
        named=run.params.comparison.words,
        questions=by_name.questions(run.params.evaluation.analogies.path),
        texts=[*explorer.beginnings(real, model.vocabulary), *prompts],
    )
    run.output("explore").write_text(page, encoding="utf-8", newline="\n")
    run.recorder.text(page, "explore.html")


if __name__ == "__main__":
    stage.run(main)
