"""wordlab from Python: open what the pipeline made, train word vectors, export models."""
