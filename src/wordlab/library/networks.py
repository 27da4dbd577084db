"""A language model as a person asks it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordlab import names
from wordlab.asking import prediction
from wordlab.asking.surprisal import END, HEAD, Surprisal, of_text
from wordlab.errors import notice
from wordlab.evaluation.language import generation
from wordlab.library import huggingface, places
from wordlab.library.settings import argument, decoding
from wordlab.params import Count, Seed
from wordlab.params.language import GenerationParams
from wordlab.params.text import PreprocessParams
from wordlab.params.whole import PARAMS, load
from wordlab.pipeline import lockfile
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TextModel:
    """A language model of words or characters, and how it reads and writes text.

    preprocess: how a text is cut before the model reads it; generation: how it writes unless a
    call says otherwise.
    """

    name: str
    model: LanguageModel = field(repr=False)
    preprocess: PreprocessParams = field(repr=False)
    generation: GenerationParams = field(repr=False)

    def next_words(self, text: str = "", n: int = 10) -> list[tuple[str, float]]:
        """Return the `n` likeliest next words after `text`, or characters, with probabilities.

        The end of a sentence and an unknown word are in brackets. An empty text begins a sentence;
        of its words, those that the model does not know are read as the unknown word.
        """
        number = argument("n", n, Count)
        with threads():
            found = prediction.predict(self.model, text, self.preprocess, number)
        return [
            (f"({one.kind})" if one.text is None else one.text, one.probability)
            for one in found.likeliest
        ]

    def surprisal(self, text: str) -> "pd.DataFrame":
        """Return how much each token of `text` surprises the model, a row per token.

        Columns: sentence and place, from 1; token, `</s>` for the end of a sentence; known;
        surprisal in bits; probability; rank, 1 for the likeliest. Raises UserError where the text
        has no token.
        """
        import pandas as pd

        tokens = [
            token for document in self._measured(text).tokens() for line in document
            for token in line
        ]  # fmt: skip
        rows = [
            (one.sentence, one.place, END if one.text is None else one.text,
             one.known, one.surprisal, one.probability, one.rank)
            for one in tokens
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(HEAD))

    def perplexity(self, text: str) -> float:
        """Return 2 to the power of the mean surprisal of `text`. Raises as `surprisal`."""
        return self._measured(text).perplexity

    def _measured(self, text: str) -> Surprisal:
        with threads():
            return of_text(self.model, text, self.preprocess)

    def generate(self, prompt: str = "", *, seed: int = 1, **settings: Any) -> str:
        """Return `prompt` and what the model writes after it; the same seed, the same text.

        settings: length, strategy, temperature, top_k, top_p, beam_width, in place of those of
        `generation` in params.yaml. Raises UserError for one that is unknown, out of range or of
        another strategy, and for words of the prompt that the model does not know.
        """
        chosen, seed = decoding(settings, self.generation), argument("seed", seed, Seed)
        begun = prediction.beginning(self.model, prompt, self.preprocess)
        with threads():
            return generation.generate(self.model, begun, chosen.length, chosen, seed=seed)

    @property
    def title(self) -> str:
        """What the model is called."""
        return names.model(self.name.removeprefix(places.LANGUAGE))

    def __repr__(self) -> str:
        network, kind = self.model.params, self.model.level
        size = f"{len(self.model.vocabulary):,} {kind}s, {network.layers} × {network.hidden_size}"
        return f"{type(self).__name__}({self.name!r}: {names.model(network.cell)}, {size})"


def asked_of(folder: Path, repository: Path) -> TextModel:
    """Return the language model of a folder, and how it reads text.

    That is what the folder says if it is an export, else params.yaml; a line says so where the
    pipeline cut the text that its models learned from otherwise.
    """
    model = LanguageModel.load(folder)
    own = huggingface.reads(folder)
    if own is not None:
        return TextModel(folder.name, model, *own)
    params = load(repository / PARAMS)
    if lockfile.changed(repository, "preprocess", params.preprocess.model_dump(mode="json")):
        notice(
            "preprocess in params.yaml is not what dvc.lock has: the text may be cut otherwise "
            "than what the models learned from; `make repro` trains them again"
        )
    return TextModel(folder.name, model, params.preprocess, params.generation)
