"""wordlab: a reproducible laboratory for word vectors and recurrent language models."""
