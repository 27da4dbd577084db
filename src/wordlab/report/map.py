"""The map as one HTML page: words to point at, their neighbours, nothing fetched from anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from wordlab.evaluation.neighbours import Projection


def page(projections: Mapping[str, Projection], labels: Mapping[str, str]) -> str:
    """Return the page for the projections of models, by name.

    labels: what the models are called on the page; a name without one stands for itself. The
    same projections give the same bytes.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    models = [
        {"name": labels.get(name, name), **_data(projection)}
        for name, projection in projections.items()
    ]
    return environment.get_template("map.html").render(models=models)


def _data(projection: Projection) -> dict[str, Any]:
    return {
        "words": list(projection.words),
        "pca": _scaled(projection.pca),
        "tsne": _scaled(projection.tsne),
        "near": [[[word, round(cosine, 3)] for word, cosine in near] for near in projection.near],
        "explained": round(projection.explained, 4) if projection.explained >= 0 else None,
    }


def _scaled(places: NDArray[np.float64]) -> list[list[float]]:
    """Return places moved and scaled to -1..1 in their wider direction."""
    middle = (places.max(axis=0) + places.min(axis=0)) / 2
    reach = float(np.abs(places - middle).max()) or 1.0
    return [[round(float(x), 4) for x in place] for place in (places - middle) / reach]
