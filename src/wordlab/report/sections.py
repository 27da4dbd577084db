"""What the report's sections are: their words, and which stages, metrics and params are theirs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A section of the report.

    name: its anchor; link: its name in the menu; stages, metrics: beginnings of the names of those
    whose figures, findings and numbers it shows, where no section before it does; params: sections
    of params.yaml that shaped it; beside: a page in the same folder to open.
    """

    name: str
    link: str
    title: str
    text: str
    stages: tuple[str, ...]
    metrics: tuple[str, ...]
    params: tuple[str, ...] = ()
    beside: str = ""


SECTIONS = (
    Section(
        "word-vectors",
        "Word vectors",
        "Word vectors",
        "Five models of the same words. Similarity is Spearman's rank correlation between the "
        "cosine of two words and what people said; an analogy counts when the one right word "
        "comes first. Every score is the mean over trainings that differ in the seed (the sparse "
        "rows of PPMI draw nothing), with its number of items, the share of the set whose words "
        "are known, and a bootstrap interval, which draws seeds and words: pairs that share a word "
        "are not independent. All models have the same window; their other settings were sought "
        "with the same budget on wordlab's own list of related words, which shares no pair with "
        "these sets (benchmarks/vector_settings.py).",
        ("train_word2vec", "train_ppmi", "train_glove", "evaluate_embeddings"),
        ("embeddings", "word2vec", "glove", "ppmi", "cooccurrence"),
        ("word2vec", "ppmi", "glove", "cooccurrence", "evaluation"),
    ),
    Section(
        "comparison",
        "Comparison",
        "PPMI, GloVe and word2vec side by side",
        "The same words looked up in every model, and pairs of words in known relations: does the "
        "cosine distinguish them? The models' settings were sought on the same list "
        "of relations, by how well they separate its pairs from unrelated ones, so the contrasts "
        "with unrelated pairs are no test on unseen pairs. Neighbours and geometry are those of "
        "each model's first seed.",
        ("compare_embeddings", "map_embeddings"),
        ("comparison",),
        ("comparison", "word_map"),
        beside="word_map.html",
    ),
    Section(
        "sizes",
        "Size",
        "Study: the size of the text",
        "The same models trained on shares of the text, documents being drawn whole, and scored on "
        "the items that are known at every share and on those known at each.",
        ("study_sizes",),
        ("study_sizes",),
        ("size_study",),
    ),
    Section(
        "language-models",
        "Language models",
        "Language models",
        "Perplexity on the test split, every token weighted alike; the interval draws documents, "
        "then their sentences, anew, and is widened for their small number. The ratio to "
        "Kneser-Ney's n-grams is measured on the same draws, so its interval is the narrower one: "
        "below 1 the network is better. All words outside the vocabulary are one class, which is "
        "easy to predict, so the perplexity over known words is shown too. A "
        "network reads the test split as it was trained: in parallel "
        "streams that start at the beginning of a sentence, in windows, or sentence by sentence. "
        "Models of words and of characters predict different symbols and have a table each.",
        ("train_lm", "train_char_lm", "evaluate_lm"),
        ("language_models", "lm_"),
        ("language_model", "character_model", "language_evaluation", "generation"),
    ),
    Section(
        "autoencoders",
        "Autoencoders",
        "Sequence autoencoders",
        "A sentence goes into one vector and comes back out of it: what of held-out sentences is "
        "right, through vectors of several sizes, as trained and rounded to fewer bits. And what a "
        "sentence costs that way, its errors corrected with the decoder's own probabilities, "
        "beside codes that know nothing of vectors. The decoder's weights and the levels of the "
        "rounding are not counted, nor those of the language model.",
        ("study_autoencoder",),
        ("study_autoencoder",),
        ("autoencoder",),
    ),
    Section(
        "windows",
        "Window",
        "Study: the window",
        "The same text counted and trained with narrow and wide windows.",
        ("study_windows",),
        ("study_windows",),
        ("window_study",),
    ),
    Section(
        "gradients",
        "Gradients",
        "Study: gradients over long sequences",
        "Where the gradient vanishes or explodes, what clipping, the initialisation and the "
        "truncation of backpropagation change, and what LSTM and GRU do. How long a training takes "
        "stands with its MLflow run: no output holds a duration.",
        ("study_gradients",),
        ("study_gradients",),
        ("gradient_study",),
    ),
    Section(
        "regularisation",
        "Regularisation",
        "Study: regularisation",
        "Networks on a text small enough to learn by heart: what holds them back, by how much, and "
        "which differences exceed the noise between seeds.",
        ("study_regularisation",),
        ("study_regularisation",),
        ("regularisation_study",),
    ),
    Section(
        "sweeps",
        "Sensitivity",
        "Sensitivity of language models",
        "Which settings of LSTM and GRU matter, by how much, and how sure that is beside the noise "
        "of the seed. The default is a demonstration, a few values of three settings on little "
        "text; the scale classic is the grid of 27 that one would report.",
        ("sweep_recurrent", "analyse_sweep@recurrent"),
        ("sweep_recurrent", "analysis_recurrent"),
        ("sweep_recurrent",),
    ),
    Section(
        "sweeps-vectors",
        "Sensitivity, vectors",
        "Sensitivity of word vectors",
        "The same of word2vec and GloVe, by WordSim-353 in the figures and by all scores in the "
        "sentences. A demonstration: few values, on little text. Intervals draw the seeds and the "
        "items that vectors are scored on together; shares of the variance are beside the noise of "
        "the seed alone.",
        ("sweep_", "analyse_sweep@"),
        ("sweep", "analysis"),
        ("sweep_word2vec", "sweep_glove"),
    ),
    Section("more", "More", "Everything else that was measured", "", ("",), ("",)),
)


def of_stage(stage: str) -> Section:
    """Return the section that shows the figures and findings of a stage."""
    return next(section for section in SECTIONS if stage.startswith(section.stages))


def of_metrics(name: str) -> Section:
    """Return the section that shows the metrics in the file `name`."""
    return next(section for section in SECTIONS if name.startswith(section.metrics))
