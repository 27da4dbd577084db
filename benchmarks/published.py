"""The settings that the published figures are of, all that they depend on.

A benchmark lays them over params.yaml, so that a change there moves no figure; a setting that is
new there is to be stated here too (tests/test_benchmarks.py). `language_model.py` and
`network_speed.py` train by a scale of the pipeline instead, and `buckets.py`,
`neighbour_coverage.py` and `vector_settings.py` by params.yaml. What a benchmark takes from its
command line, such as epochs, is left out.
"""

from typing import Any

MIN_COUNT = 5
"""How often a word has to occur to be in the vocabulary."""

PREPROCESS: dict[str, Any] = {
    "language": "en",
    "lowercase": True,
    "tokens": "letters",
    "numbers": "keep",
    "units": "sentences",
    "phrases": {"passes": 0, "discount": 5, "threshold": 100},
    "splits": {"train": 0.9, "valid": 0.05, "test": 0.05},
}

WORD2VEC: dict[str, Any] = {
    "dimensions": 100,
    "window": 5,
    "dynamic_window": True,
    "output": "negative_sampling",
    "negatives": 5,
    "noise_exponent": 0.75,
    "subsample": 1e-4,
    "subsample_formula": "reference",
    "rate_floor": 1e-4,
    "cbow_gradient": "reference",
    "vectors": "input",
    "score_epochs": False,
}
SUBWORD: dict[str, Any] = WORD2VEC | {
    "window": 10,
    "rate": 0.05,
    "min_ngram": 3,
    "max_ngram": 6,
    "buckets": 65536,
}
WORD2VEC_RATES = {"skipgram": 0.025, "cbow": 0.05}

COOCCURRENCE: dict[str, Any] = {
    "window": 10,
    "dynamic_window": False,
    "weighting": "inverse_distance",
    "side": "both",
    "subsample": 0,
    "subsample_formula": "reference",
}

PPMI: dict[str, Any] = {
    "context_exponent": 0.75,
    "shift": 1,
    "eigenvalue_exponent": 0.5,
    "add_contexts": False,
    "tolerance": 0.01,
}

GLOVE: dict[str, Any] = {
    "rate": 0.05,
    "x_max": 10,
    "exponent": 0.75,
    "adagrad": "reference",
    "vectors": "sum",
}

_NETWORK: dict[str, Any] = {
    "activation": "tanh",
    "gates": "all",
    "gru_reset": "after",
    "forget_bias": 1,
    "initialisation": "uniform",
    "cell_backend": "wordlab",
    "mogrifier_rounds": 5,
    "mogrifier_rank": None,
    "heads": 4,
    "embedding": "trained",
    "layers": 1,
    "tied": True,
    "dropout_between": 0,
    "dropout_recurrent": 0,
    "variational": False,
    "activation_penalty": 0,
    "temporal_penalty": 0,
    "weight_decay": 0,
    "optimizer": "adamw",
    "averaging_patience": 5,
    "schedule": "cosine",
    "warmup": 0.05,
    "clip_norm": 1,
    "clip_value": None,
    "tokens": None,
    "minutes": None,
    "patience": None,
    "examples": "streams",
    "carry_state": "always",
    "fresh_starts": 0.05,
    "random_offset": False,
    "device": "cpu",
    "precision": "float32",
}

GRADIENTS: dict[str, Any] = _NETWORK | {
    "embedding_size": 96,
    "hidden_size": 96,
    "adaptive_cutoffs": [100, 500, 1500, 4000],
    "dropout_input": 0.2,
    "dropout_output": 0.3,
    "rate": 0.01,
    "epochs": 1,
    "batch_size": 32,
    "bptt_length": 32,
}
"""Of gradients.py, for cells of each kind."""
