"""What the report's sections are: their words, and which metrics, figures and params are theirs."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """A section of the report.

    name: its anchor; link: its name in the menu; metrics: beginnings of the names of what it
    shows; figures: name -> caption, in order, where a name may be the beginning of several;
    params: sections of params.yaml that shaped it; beside: a page in the same folder to open.
    """

    name: str
    link: str
    title: str
    text: str
    metrics: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)
    params: tuple[str, ...] = ()
    beside: str = ""

    def takes(self, metric: str) -> bool:
        """Say whether the metrics called `metric` belong here."""
        return metric.startswith(self.metrics)

    def shows(self, figure: str) -> bool:
        """Say whether a figure belongs here; the last section shows what no other does."""
        if not self.figures:
            return not any(other.figures and other.shows(figure) for other in SECTIONS)
        return self._key(figure) is not None

    def order(self, figures: Iterable[str]) -> list[str]:
        """Return the names of `figures` in the order of this section's own list."""
        places = {name: place for place, name in enumerate(self.figures)}
        return sorted(figures, key=lambda name: (places.get(self._key(name) or "", 0), name))

    def caption(self, figure: str) -> str:
        """Return the sentence under a figure."""
        found = self._key(figure)
        return self.figures[found] if found else figure.replace("_", " ")

    def _key(self, figure: str) -> str | None:
        """Return the longest of this section's names that `figure` begins with."""
        return max((k for k in self.figures if figure.startswith(k)), key=len, default=None)


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
        ("embeddings", "word2vec", "glove", "ppmi", "cooccurrence"),
        {
            "scores": "Each dot is a model's score, each bar its bootstrap interval.",
            "analogy_sections": "Share of analogy questions answered right, by section.",
            "word2vec_loss": "Mean negative-sampling loss of a prediction, epoch by epoch. CBOW "
            "and skip-gram predict different things: compare shapes, not heights.",
            "glove_cost": "GloVe's objective, averaged over the cells that were counted.",
        },
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
        ("compar", "neighbour"),
        {
            "neighbours": "The nearest words in each model, and PPMI's strongest direct "
            "associations. Darker: named by more than one.",
            "neighbour_overlap": "Share of nearest words that two models have in common, mean "
            "over the words looked up.",
            "relation_cosines": "Cosines of pairs in each relation (how many): median, middle "
            "half, and from the 10th to the 90th percentile. Unrelated pairs are drawn at random.",
            "relation_contrasts": "A half means that the cosine does not distinguish the two "
            "relations; bars are intervals that hold together for all contrasts of all models.",
            "frequency": "Each task's items in three equal parts, by the count of their rarest "
            "word.",
            "geometry": "Hubs and isotropy among the commonest words, all vectors at length 1.",
            "word_map": "The commonest words in the plane; names where there is room.",
        },
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
        {
            "sizes": "Scores by share of the text, over the items known at every share; bars are "
            "bootstrap intervals that draw words and word pairs.",
            "sizes_own": "The same over the items known at each share, which are more, and rarer "
            "words, the larger the text.",
        },
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
        ("language_models", "lm_"),
        {
            "perplexity": "Training and validation perplexity by epoch.",
            "gradient_norms": "Norm of all gradients together before clipping, with the threshold.",
        },
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
        {
            "rate_distortion": "What is wrong in a held-out sentence, and what the whole sentence "
            "costs, by the bits of its vector. Lines join the vector's sizes.",
            "autoencoder": "What comes back of a held-out sentence, by its length and the size of "
            "its vector.",
        },
        ("autoencoder",),
    ),
    Section(
        "windows",
        "Window",
        "Study: the window",
        "The same text counted and trained with narrow and wide windows.",
        ("study_windows", "windows"),
        {
            "ppmi_windows": "The same words and contexts in the PPMI matrix at several windows.",
            "ppmi_distributions": "How the positive PPMI values are distributed at each window.",
            "ppmi_associations": "The contexts of highest PPMI, strongest first; lines join those "
            "that stay.",
            "windows_overlap": "Share of nearest words that the vectors of two windows have in "
            "common, mean over the words looked up.",
            "windows_scores": "Each dot is a window's score, each bar its bootstrap interval.",
        },
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
        {
            "gradient_by_lag": "Norm of the loss's gradient with respect to the hidden state, by "
            "how many steps before the loss it lies; 1 at lag 0. Lines are medians over "
            "sequences that do not overlap, bands the middle half.",
            "gradient_untrained": "The same of untrained networks by how their recurrent weights "
            "were drawn, over the longest sequences.",
            "gradient_heat": "Norm of every parameter's gradient before clipping, step by step, in "
            "short trainings by plain gradient descent.",
            "gradient_distribution": "The norm of all gradients together over the steps of these "
            "trainings: quartiles and range.",
            "gradient_truncation": "Windows of several lengths: the mean loss over seeds after as "
            "many updates of as many tokens, how far the gradient points where that of the longest "
            "window does, and the memory of a window of one batch.",
            "gradient_tasks": "Two tasks that need a memory, over growing delays; one training "
            "each.",
        },
        ("gradient_study",),
    ),
    Section(
        "regularisation",
        "Regularisation",
        "Study: regularisation",
        "Networks on a text small enough to learn by heart: what holds them back, by how much, and "
        "which differences exceed the noise between seeds.",
        ("study_regularisation",),
        {
            "regularisation_curves": "Perplexity by epoch up to where the method stops: means over "
            "seeds, bands from the least to the greatest.",
            "regularisation_gaps": "The gap between test and training loss, and the test loss "
            "itself; bars are intervals over seeds, of one mean each. Lines are the losses of "
            "models that only count the same training text.",
        },
        ("regularisation_study",),
    ),
    Section(
        "sweeps",
        "Sensitivity",
        "Sensitivity of language models",
        "Which settings of LSTM and GRU matter, by how much, and how sure that is beside the noise "
        "of the seed. The default is a demonstration, a few values of three settings on little "
        "text; the scale classic is the grid of 27 that one would report.",
        ("sweep_recurrent", "analysis_recurrent"),
        {
            "importance_recurrent": "The share of the variance of the validation loss that each "
            "setting makes up, and each pair beyond its parts. Over a full grid the shares are "
            "exact sums, the seed's among them; otherwise those of fANOVA, worth no more than the "
            "held-out R2 of its forest.",
            "sweep_recurrent": "Every dot is a training, the line the mean over all other "
            "settings, the band its interval (over a search, of the forest's trees).",
            "interactions_recurrent": "The pairs of settings that depend on one another most.",
            "combinations_recurrent": "Each line is a combination of settings, from its values "
            "to its loss; lines through one value are spread by their loss.",
            "stability_recurrent": "The variance is that of the training loss about its trend in "
            "the last half of a training. Where all updates read as many tokens, a longer "
            "bptt_length has a smaller batch_size.",
            "context_recurrent": "How much worse the same symbols are predicted when the text "
            "before the last few is replaced by other text: what the network gains from the true "
            "one. Lines are means over all other settings.",
            "budget_recurrent": "The loss by tokens read, on the text that chooses the epoch, and "
            "by the size of the network, on the text that is scored: lines join the best (Pareto).",
        },
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
        ("analysis",),
        {
            f"{kind}_{model}": f"{name}: {caption}"
            for model, name in (("word2vec", "word2vec"), ("glove", "GloVe"))
            for kind, caption in {
                "importance": "the share of the variance that each setting makes up, and each "
                "pair beyond its parts.",
                "sweep": "every dot is a training, the line the mean over all other settings, the "
                "band its interval.",
                "interactions": "the score over pairs of settings.",
                "combinations": "each line is a combination of settings, from its values to its "
                "score.",
            }.items()
        },
        ("sweep_word2vec", "sweep_glove"),
    ),
    Section("more", "More", "Everything else that was measured", "", ("",)),
)
