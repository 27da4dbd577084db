"""train_autoencoder: sentences into one vector and back, on recurrent cells of one kind."""

from wordlab import stage
from wordlab.recurrent import autoencoder_training as training
from wordlab.recurrent.autoencoder import Autoencoder
from wordlab.recurrent.characters import read_lines
from wordlab.recurrent.reconstruction import reconstruct
from wordlab.recurrent.sequences import sequence_splits
from wordlab.recurrent.threads import threads
from wordlab.text.splits import SPLITS

EXAMPLES = 5
"""Sentences that are shown as they went in and as they came out."""


def main(run: stage.Stage) -> None:
    params, seed = getattr(run.params.autoencoder, run.item), run.params.seed
    torch_threads = run.params.torch_threads
    lines = {name: read_lines(run.input("splits") / f"{name}.txt") for name in SPLITS}
    sequences = sequence_splits(lines, params, seed=seed)
    model = Autoencoder(params, sequences.vocabulary, seed)
    training.train(
        model,
        sequences.train,
        sequences.valid,
        params,
        seed=seed,
        torch_threads=torch_threads,
        on_epoch=run.on_step,
        checkpoint=run.checkpoint,
    )
    with threads(torch_threads):
        found = reconstruct(model, sequences.test, examples=EXAMPLES)
    model.save(run.output("model"))
    run.curve("epoch")
    run.table("lengths", found.by_length(params.length_bins, params.max_length))
    examples = "\n\n".join(f"{true}\n{own}" for true, own in found.examples)
    run.recorder.text(examples, "reconstructions.txt")
    run.metrics(found.metrics(params.length_bins, params.max_length, seed=seed))


if __name__ == "__main__":
    stage.run(main, inputs=["splits"], outputs=["model", "curve", "lengths", "metrics"])
