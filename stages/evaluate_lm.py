"""evaluate_lm: the language models on the test split, beside n-gram baselines, and their texts."""

from wordlab import names
from wordlab.artifacts import write_json
from wordlab.evaluation.language import perplexity
from wordlab.params.language import CELLS
from wordlab.pipeline import stage
from wordlab.recurrent.batches import read_documents, read_lines
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel

MODELS = (*CELLS, "char")


def main(run: stage.Stage) -> None:
    models = {name: LanguageModel.load(run.input(f"lm_{name}")) for name in MODELS}
    splits = run.input("splits")
    train = read_lines(splits / "train.txt")
    valid, test = (read_documents(splits / f"{split}.txt") for split in ("valid", "test"))
    with threads():
        metrics, samples = perplexity.evaluate(
            models,
            train,
            valid,
            test,
            run.params.language_evaluation,
            run.params.generation,
            seed=run.params.seed,
        )
    run.metrics(metrics)
    own = {name: metrics[name] for name in models}
    write_json(run.output("headline"), names.people(perplexity.headline(own)))
    shown = {name: metrics[name] for name in names.LANGUAGE_MODELS if name in metrics}
    run.table("scores", names.column(perplexity.intervals(shown)))
    write_json(run.output("samples"), samples)
    for name, scores in metrics.items():
        settings = models[name].params.model_dump() if name in models else {}
        run.on_trial(name, {"model": name, **settings}, scores)
    for sample in samples:
        name = f"{sample['model']} {sample['prompt']}.txt"
        run.recorder.text(sample["text"], name, folder="samples")


if __name__ == "__main__":
    stage.run(main)
