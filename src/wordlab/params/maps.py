"""The section of params.yaml about the map of the word vectors."""

from typing import Annotated

from pydantic import Field

from wordlab.params.base import Count, Section


class MapParams(Section):
    """`word_map`: words in the plane."""

    words: Count
    """How many of the commonest words are shown."""
    neighbours: Count
    """How many neighbours are listed for a word."""
    perplexity: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    """Of t-SNE: about how many neighbours of a word shape its place."""
    iterations: Annotated[int, Field(ge=251)]
    """Of t-SNE; 250 of them spread the words out before they settle."""
