"""Compiling the kernels ahead of time, by running them on a word."""

import pyarrow as pa

from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.text.counting import tally
from wordlab.text.tokenising import tokenise
from wordlab.text.vocabulary import Vocabulary
from wordlab.text.words import Encoder


def compile_kernels() -> None:
    """Compile what texts need, and keep it as numba does; no setting asks for other kernels."""
    settings = PreprocessParams(
        lowercase=True,
        tokens="letters",
        numbers="keep",
        units="sentences",
        phrases=PhraseParams(passes=0, discount=0, threshold=1),
        splits=SplitShares(train=0.8, valid=0.1, test=0.1),
    )
    piece = bytes(tokenise(pa.array(["Word."]), settings).data)
    Encoder(Vocabulary.build(tally(piece).table)).encode(piece)
