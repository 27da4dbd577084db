"""Word vectors: the corpus's counts or its tokens in, one vector a word out."""
