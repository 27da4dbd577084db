"""explore: a page to ask the word vectors and the GRU on, without a server."""

from pathlib import Path

from wordlab import explorer
from wordlab.artifacts import read_json
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors.analogy import read_questions
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace, packaged
from wordlab.pipeline import stage
from wordlab.recurrent.language_model import LanguageModel

VECTORS = ("skipgram", "cbow", "glove", "ppmi_svd")


def main(run: stage.Stage) -> None:
    ppmi = PpmiModel.load(run.input("ppmi"))
    model = LanguageModel.load(run.input("lm_gru"))
    questions = run.params.evaluation.analogies.path
    real = (run.input("splits") / "test.txt").read_text(encoding="utf-8").splitlines()
    prompts = dict.fromkeys(sample["prompt"] for sample in read_json(run.input("samples")))
    page = explorer.build(
        {
            **{name: DenseSpace(Vectors.load(run.input(name))) for name in VECTORS},
            "ppmi": SparseSpace(ppmi.vocabulary, ppmi.matrix),
        },
        read_json(run.input("map_embeddings") / "drawn.json"),
        run.params.explorer,
        run.params.preprocess,
        model=model,
        named=run.params.comparison.words,
        questions=read_questions(Path(questions) if questions else packaged("analogies")),
        texts=[*explorer.beginnings(real, model.vocabulary), *prompts],
    )
    run.output("explore").write_text(page, encoding="utf-8", newline="\n")
    run.recorder.text(page, "explore.html")


if __name__ == "__main__":
    stage.run(main)
