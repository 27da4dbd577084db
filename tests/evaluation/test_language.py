import math

import numpy as np
import pytest
import torch
from scipy import stats

from wordlab.artifacts import rounded
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import Notice
from wordlab.evaluation.language import held_out as texts
from wordlab.evaluation.language import perplexity
from wordlab.evaluation.language.accuracy import accuracy, ngram_ranks
from wordlab.evaluation.language.adaptation import plain_trace
from wordlab.evaluation.language.drawn_text import distinct, longest_copy, score_generated
from wordlab.evaluation.language.held_out import (
    HeldOut,
    mean_differences,
    ratios,
    resampled,
    score,
)
from wordlab.evaluation.language.ngrams import KneserNey, _count, _discounts
from wordlab.evaluation.statistics import margins_together
from wordlab.params.language import NgramOrders
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel
from wordlab.report import scored

UNKNOWN, END = 4, 5


def some_text(length: int = 4000) -> np.ndarray:
    """Return symbols of which the next follows 7 times in 10, else any does."""
    random = np.random.default_rng(3)
    text = [0]
    for jump, anything in zip(
        random.random(length - 1), random.integers(6, size=length), strict=False
    ):
        text.append(int(anything) if jump < 0.3 else (text[-1] + 1) % 6)
    return np.array(text, dtype=np.int64)


def held_out(ids: np.ndarray, starts: list[int] | None = None) -> HeldOut:
    return HeldOut(ids, np.array(starts or [0]), UNKNOWN, END)


def test_perplexity_is_weighted_by_symbol():
    losses = np.log([2.0, 8.0, 4.0, 4.0])
    result = score(losses, held_out(np.array([0, UNKNOWN, 1, END])), seed=1)
    assert result.perplexity == pytest.approx(4)
    assert result.bits == pytest.approx(2)
    assert result.perplexity_known == pytest.approx(32 ** (1 / 3))
    assert result.unknown_share == 0.25
    assert result.symbols == 4
    assert result.ratio is None


def test_a_perplexity_beyond_any_float_is_infinite():
    ids = np.array([0, END, UNKNOWN, END])
    scored = score(np.full(4, 800.0), held_out(ids), seed=1, baseline=np.ones(4))
    assert scored.perplexity == scored.perplexity_known == scored.low == scored.high == math.inf
    assert scored.ratio == scored.ratio_low == math.inf
    assert scored.bits == pytest.approx(800 / math.log(2))


def test_an_infinite_perplexity_is_said_and_shown(network, repository, monkeypatch):
    words = Vocabulary(("the", "cat", "sat", "on"), np.array([4, 3, 2, 1]))
    model = LanguageModel(network(), words, level="word", seed=1)
    improbable = lambda _, targets: torch.full((len(targets),), 800.0)  # noqa: E731
    monkeypatch.setattr(model.output, "losses", improbable)
    settings = load(repository / "params.yaml")
    orders = NgramOrders(word=(2,), character=(2,))
    plain = {"ngram_orders": orders, "interpolated": ()}
    plain |= {
        name: getattr(settings.language_evaluation, name).model_copy(update={"models": ()})
        for name in ("cache", "dynamic")
    }
    asked = settings.language_evaluation.model_copy(update=plain)
    text = ["the cat sat on", "on the cat sat", "sat"] * 3
    with pytest.warns(Notice, match="gru: its loss on the test split, 1,154 bits per symbol"):
        metrics, _ = perplexity.evaluate(
            {"gru": model}, text, [text], [text], asked, settings.generation, seed=1
        )
    kept = rounded(metrics)
    assert kept["gru"]["perplexity"] is None and kept["gru"]["bits"] == 1154.2
    row = scored.language_models(kept).splitlines()[2]
    assert row.startswith("| GRU | ∞ [∞, ∞] | ∞ [∞, ∞] | 1154.20 |")
    assert perplexity.headline(metrics)["gru"]["perplexity"] is None


def test_n_grams_are_those_of_the_first_symbols(network, repository):
    words = Vocabulary(("the", "cat", "sat", "on"), np.array([4, 3, 2, 1]))
    settings = load(repository / "params.yaml")
    plain = {"interpolated": (), "ngram_orders": NgramOrders(word=(2,), character=(2,))} | {
        name: getattr(settings.language_evaluation, name).model_copy(update={"models": ()})
        for name in ("cache", "dynamic")
    }
    model = LanguageModel(network(), words, level="word", seed=1)
    held = ["the cat sat on", "on the cat sat", "sat"] * 3

    def baseline(train, symbols):
        asked = settings.language_evaluation.model_copy(update={**plain, "ngram_symbols": symbols})
        given = ({"gru": model}, train, [held], [held], asked, settings.generation)
        return perplexity.evaluate(*given, seed=1)[0]["kneser_ney"]["perplexity"]

    text = ["the cat sat", "on the cat", "sat on", "the the the"] * 2
    assert baseline(text, 8) == baseline(text[:2], None) != baseline(text, None)


def test_the_interval_comes_from_whole_sentences():
    one = score(np.log([2.0, 9.0]), held_out(np.array([0, END])), seed=1)
    assert (one.low, one.high) == (0, math.inf)  # nothing is known of other sentences
    ids = some_text()
    losses = np.random.default_rng(1).gamma(2.0, size=len(ids))
    first, again = (score(losses, held_out(ids), seed=2) for _ in range(2))
    assert first == again
    assert first.low < first.perplexity < first.high
    whole = score(losses, held_out(np.where(ids == END, 0, ids)), seed=2)
    assert whole.low < whole.perplexity < whole.high
    half = score(losses[:1000], held_out(ids[:1000]), seed=2)
    assert math.log(half.high / half.low) > 1.4 * math.log(first.high / first.low)


@pytest.mark.parametrize("cutoffs", [[], [2]])
@pytest.mark.parametrize("examples", ["streams", "windows", "sentences"])
def test_ranks_are_those_of_the_probabilities_that_the_losses_are_from(network, cutoffs, examples):
    known = Vocabulary(("a", "b", "c", "d"), np.array([4, 3, 2, 1]))
    params = network(adaptive_cutoffs=cutoffs, examples=examples)
    model = LanguageModel(params, known, "word", seed=1)
    text = held_out(some_text(60), [0, 30])
    text = HeldOut(text.ids, text.document_starts, known.unknown, known.end)
    ranks = plain_trace(model, text, ranks=True).ranks
    all_losses = [
        model.token_losses(np.where(np.arange(60) == place, symbol, text.ids),
                           document_starts=text.document_starts)[place]
        for place in range(30, 34)
        for symbol in range(known.classes)
    ]  # fmt: skip
    if examples == "streams":  # a sentence that ends elsewhere is read otherwise
        losses = np.array(all_losses).reshape(4, -1)
        own = losses[np.arange(4), text.ids[30:34]][:, None]
        np.testing.assert_array_equal(ranks[30:34], (losses < own).sum(axis=1))
    with torch.no_grad():
        model.output.bias.zero_()
        model.output.bias[0] = 50.0  # always expected
    certain = plain_trace(model, text, ranks=True).ranks
    assert not certain[text.ids == 0].any()
    assert (certain[text.ids != 0] > 0).all()


def test_the_probabilities_of_an_ngram_model_sum_to_one_and_give_its_losses():
    ids, held = some_text(500), some_text(90)[40:]
    model = KneserNey.fit(ids, order=3, classes=6, end=END)
    p = np.concatenate(list(model.probabilities(held, 7)))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    own = p[np.arange(len(held)), held]
    np.testing.assert_allclose(-np.log(own), model.losses(held))
    ranks = ngram_ranks(model, held_out(held))
    np.testing.assert_array_equal(ranks == 0, p.argmax(axis=1) == held)
    unigram = KneserNey.fit(np.array([0, 0, 1, 1, 2]), order=1, classes=6, end=END)
    tied = ngram_ranks(unigram, held_out(np.array([0, 1, 2, 3, 5])))
    assert tied.tolist() == [0, 1, 2, 3, 5]  # of equals the lower class comes first


def test_accuracy_counts_the_first_and_the_first_five():
    ids = np.array([0, UNKNOWN, 1, END] * 50)
    ranks = np.array([0, 0, 4, 5] * 50)
    found = accuracy(ranks, held_out(ids), seed=1)
    assert (found["top_1"], found["top_5"]) == (0.5, 0.75)
    assert (found["top_1_known"], found["top_5_known"]) == pytest.approx((1 / 3, 2 / 3))
    assert found["top_1_low"] == found["top_1_high"] == 0.5  # every sentence is like every other
    mixed = accuracy(np.random.default_rng(1).integers(0, 9, 200), held_out(ids), seed=1)
    assert 0 < mixed["top_1_low"] < mixed["top_1"] < mixed["top_1_high"]
    assert mixed["top_1_high"] < mixed["top_5"] < mixed["top_5_high"] < 1


def test_documents_are_drawn_then_their_sentences():
    """Losses differ between documents, not within them: only drawing documents moves the mean."""
    sizes, each = [30, 10, 40, 20], [1.0, 2.0, 3.0, 4.0]
    ids = np.tile([0, END], sum(sizes))
    losses = np.repeat(each, np.array(sizes) * 2)
    starts = np.cumsum([0, *sizes[:-1]]) * 2
    text = held_out(ids, starts.tolist())
    bounds = np.append(np.searchsorted(text.sentences, starts), len(text.sentences))
    for number, times in enumerate(text.resamples(seed=1)):
        per_document = np.add.reduceat(times, bounds[:-1])
        assert (per_document % sizes == 0).all()
        assert (per_document // sizes).sum() == 4
        if number == 0:
            assert len(set(times)) > 2, "sentences are drawn too"
    one, by_sentences = score(losses, text, seed=1), score(losses, held_out(ids), seed=1)
    assert math.log(one.high / one.low) > 3 * math.log(by_sentences.high / by_sentences.low)


def test_trainings_that_differ_in_the_seed_are_drawn_with_the_text():
    ids, losses = some_text(), np.random.default_rng(1).gamma(2.0, size=4000)
    text = held_out(ids, [0, 1000, 3000])
    alike = score(np.stack([losses, losses, losses]), text, seed=1, baseline=losses)
    one = score(losses, text, seed=1, baseline=losses)
    assert (alike.low, alike.high) == pytest.approx((one.low, one.high))
    apart = score(losses + [[-0.1], [0.0], [0.1]], text, seed=1, baseline=losses)
    assert apart.perplexity == pytest.approx(alike.perplexity)
    assert apart.ratio_low < 0.95 < 1.05 < apart.ratio_high


def test_intervals_over_few_documents_cover_what_they_claim(monkeypatch):
    """The mean of 8 documents whose losses differ around 0 lies in 95 % of the intervals."""
    monkeypatch.setattr(texts, "_RESAMPLES", 200)
    random, ids = np.random.default_rng(5), np.tile([0, END], 16)
    text = held_out(ids, list(range(0, 32, 4)))
    covered = []
    for trial in range(200):
        losses = np.repeat(random.normal(size=8), 4) + 0.1 * random.normal(size=32)
        found = score(losses, text, seed=trial)
        assert found.documents == 8
        covered.append(found.low < 1 < found.high)
    assert 0.9 < np.mean(covered) < 0.99


def test_ratios_over_few_documents_hold_together_as_often_as_they_claim(monkeypatch):
    """Of ten networks that are no better than the first, none is said to differ in 95 %."""
    monkeypatch.setattr(texts, "_RESAMPLES", 200)
    random, text = np.random.default_rng(6), held_out(np.tile([0, END], 16), list(range(0, 32, 4)))
    together, alone = [], []
    for trial in range(200):
        losses = np.repeat(random.normal(size=(10, 8)), 4, axis=1)
        losses += 0.1 * random.normal(size=losses.shape)
        for compared, held in ((losses[:, None], together), (losses[:1, None], alone)):
            found = ratios(compared, text, seed=trial)
            held.append(((found[:, 1] < 1) & (found[:, 2] > 1)).all())
    assert np.mean(together) > 0.9
    assert 0.9 < np.mean(alone) < 0.99


def test_trainings_that_differ_by_a_constant_have_student_s_interval_of_their_mean():
    ids = np.tile([0, END], 2000)
    levels = np.array([0.0, 1.0, 2.0])
    losses = np.repeat(levels[:, None], len(ids), axis=1)
    found = score(losses, held_out(ids), seed=1)
    half = math.log(found.high / found.low) / 2
    assert half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-5)  # t with 2 degrees of freedom


@pytest.mark.parametrize(
    ("of_seeds", "of_texts"),
    [(12 * [0.01], 0.006), (12 * [0.01], 0.002), ([*11 * [0.006], 0.03], 0.006)],
)
def test_ratios_of_three_seeds_hold_together_as_often_as_they_claim(
    monkeypatch, of_seeds, of_texts
):
    """Twelve networks as good as the one they are compared with, which has seeds of its own."""
    monkeypatch.setattr(texts, "_RESAMPLES", 100)
    documents, symbols = 64, 8
    ids = np.tile([0, END], documents * symbols // 2)
    text = held_out(ids, list(range(0, len(ids), symbols)))
    random, held = np.random.default_rng(8), []
    for trial in range(100):
        seeds = random.normal(0, np.array(of_seeds)[:, None], (12, 3))
        seeds -= random.normal(0, of_seeds[0], 3)
        own = random.normal(0, of_texts * documents**0.5, (12, documents))
        losses = seeds[:, :, None] + np.repeat(own, symbols, axis=1)[:, None]
        found = ratios(list(losses), text, seed=trial)
        held.append(((found[:, 1] < 1) & (found[:, 2] > 1)).all())
    assert np.mean(held) >= 0.92
    reach = np.log(found[0, 2] / found[0, 1]) / 2
    assert reach < 8 * np.hypot(of_texts, of_seeds[0])


def test_ratios_of_more_networks_are_wider_and_that_to_oneself_has_no_width():
    ids, random = some_text(), np.random.default_rng(3)
    text = held_out(ids, [0, 1000, 3000])
    own = random.normal(0.1, 0.2, (3, len(ids))) + [[0.0], [0.01], [0.03]]
    itself = np.zeros_like(own)
    widths = []
    for count in (1, 2, 9):
        others = [np.roll(own, number, axis=1) for number in range(count)]
        found = ratios([itself, *others], text, seed=1)
        assert found[0].tolist() == [1, 1, 1]
        widths.append(found[1, 2] - found[1, 1])
    assert widths[1] < widths[2]
    twice = ratios([itself, own, own, -own], text, seed=1)  # the same comparison
    np.testing.assert_allclose(twice[1:3], ratios([itself, own], text, seed=1)[[1, 1]])
    np.testing.assert_allclose(twice[3], 1 / twice[1][[0, 2, 1]])
    alone = ratios([own], text, seed=1)
    assert alone[0] == pytest.approx(ratios([itself, own], text, seed=1)[1])


@pytest.mark.parametrize("count", range(2, 22))
def test_a_comparison_the_other_way_round_is_the_same(count):
    ids, random = some_text(), np.random.default_rng(3)
    text = held_out(ids, [0, 1000, 3000])
    own = [random.normal(0.1, 0.2, (3, len(ids))) for _ in range(count)]
    own[0][:, ::3] = 0
    whole = mean_differences(own, text, seed=1)
    more = mean_differences([*own, 0.0 - own[0], own[1]], text, seed=1)
    np.testing.assert_allclose(more[:count], whole, rtol=1e-12)


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_margins_of_few_documents_and_seeds_are_those_of_the_formula(confidence):
    """Three documents of one symbol each, so that a bootstrap's error is that of their mean."""
    text, random = held_out(np.array([END, END, END]), [0, 1, 2]), np.random.default_rng(3)
    own = [random.normal(0, 1, 3) + random.normal(0, spread, (4, 1)) for spread in (0.1, 0.3, 3)]
    found = mean_differences(own, text, seed=1, confidence=confidence)
    level = 1 - (1 - confidence) / 2 / 3
    of_seeds = np.array([each.mean(axis=1).var(ddof=1) / 4 for each in own])
    heavier = stats.t.ppf(level, 4 * 3 / (1 + 3 / 3))
    errors = np.array([
        resampled(each.mean(axis=0)[None], text, 1).std() for each in own
    ])  # fmt: skip
    of_text = stats.t.ppf(level, 2) * np.sqrt(3 / 2) * errors
    expected = np.hypot(of_text, heavier * np.sqrt(np.maximum(of_seeds, of_seeds.mean())))
    np.testing.assert_allclose(found[:, 2] - found[:, 0], expected)
    np.testing.assert_allclose(found[:, 0] - found[:, 1], expected)
    same = [np.repeat(random.normal(0, spread, (4, 1)), 3, axis=1) for spread in (0.1, 0.3, 3)]
    of_seeds = np.array([each[:, 0].var(ddof=1) / 4 for each in same])
    found = mean_differences(same, text, seed=1, confidence=confidence)
    expected = heavier * np.sqrt(np.maximum(of_seeds, of_seeds.mean()))
    np.testing.assert_allclose(found[:, 2] - found[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_margins_of_one_training_are_widened_for_few_documents(confidence):
    text, random = held_out(np.array([END, END, END]), [0, 1, 2]), np.random.default_rng(3)
    own = [random.normal(0, 1, (1, 3)) for _ in range(4)]
    found = mean_differences(own, text, seed=1, confidence=confidence)
    drawn = np.array([resampled(each, text, 1)[0] for each in own])
    plain = margins_together(np.array([each.mean() for each in own]), drawn, confidence)[0]
    level = stats.norm.cdf(plain / drawn.std(axis=1))
    widened = np.sqrt(3 / 2) * stats.t.ppf(level, 2) / stats.norm.ppf(level)
    np.testing.assert_allclose(found[:, 2] - found[:, 0], plain * widened)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_text_of_one_sentence_decides_nothing(seeds):
    ids, random = np.array([0, 1, 2, END]), np.random.default_rng(3)
    text = held_out(ids)
    lower = random.normal(-5, 0.1, (seeds, len(ids)))
    found = ratios([np.zeros_like(lower), lower, -lower], text, seed=1)
    assert found[0].tolist() == [1, 1, 1]
    assert found[1:, 1].tolist() == [0, 0] and found[1:, 2].tolist() == [math.inf, math.inf]
    scored = score(5 + lower, text, seed=1, baseline=np.full(len(ids), 5.0))
    assert (scored.ratio_low, scored.ratio_high) == (0, math.inf)


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_are_as_sure_as_is_asked(seeds):
    ids, random = some_text(), np.random.default_rng(3)
    text = held_out(ids, [0, 1000, 3000])
    own = [random.normal(0.1, 0.2, (seeds, len(ids))) for _ in range(3)]
    widths = [
        np.ptp(mean_differences(own, text, seed=1, confidence=confidence)[:, 1:], axis=1)
        for confidence in (0.5, 0.8, 0.95)
    ]
    assert (widths[0] < widths[1]).all() and (widths[1] < widths[2]).all()


def test_the_ratio_to_a_baseline_is_paired():
    """Twice the perplexity everywhere is a ratio of 2 whatever sentences are drawn."""
    ids, losses = some_text(), np.random.default_rng(1).gamma(2.0, size=4000)
    text = held_out(ids, [0, 1000, 3000])
    twice = score(losses + math.log(2), text, seed=1, baseline=losses)
    assert (twice.ratio, twice.ratio_low, twice.ratio_high) == pytest.approx((2, 2, 2))
    assert twice.high / twice.low > 1.05
    noise = np.random.default_rng(2).normal(scale=0.1, size=4000)
    close = score(losses + noise, text, seed=1, baseline=losses)
    assert close.ratio_low < close.ratio < close.ratio_high
    assert close.ratio_high / close.ratio_low < 1.03 < 1.2 < close.high / close.low


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_kneser_ney_sums_to_1_after_any_context(order):
    model = KneserNey.fit(some_text(300), order=order, classes=6, end=END)
    for context in ([], [0], [4, 4, 4], [1, 2, 3], [END, 0, 1]):
        total = sum(math.exp(-model.losses(np.array([*context, w]))[-1]) for w in range(6))
        assert total == pytest.approx(1)


def test_kneser_ney_by_hand():
    """A bigram model of a b a c, with END before it, and the half discounts of so small a text."""
    a, b, c = 0, 1, 2
    model = KneserNey.fit(np.array([a, b, a, c]), order=2, classes=4, end=3)
    # seen bigrams: end-a, a-b, b-a, a-c; so a follows 2 symbols, b and c follow 1 each: 4 in all
    y1 = 2 / (2 + 2 * 1)  # 2 symbols follow one other symbol, 1 follows two
    unigram = {w: (n - y1) / 4 + 3 * y1 / 4 / 4 for w, n in ((a, 2), (b, 1), (c, 1))}
    unigram[3] = 3 * y1 / 4 / 4
    after_a = {w: 0.5 / 2 * (w in (b, c)) + 2 * 0.5 / 2 * unigram[w] for w in unigram}
    for symbol, p in after_a.items():
        assert math.exp(-model.losses(np.array([a, symbol]))[1]) == pytest.approx(p)
    assert math.exp(-model.losses(np.array([c, b]))[1]) == pytest.approx(unigram[b])


def test_kneser_ney_counts_only_n_grams_that_end_within_the_text():
    """At order 4, three ends are before the text, and no two of them in a row within it."""
    text, end = [0, 1, 2, 1, 0, 2, 0, 0, 1, 2], 2
    padded = [end] * 3 + text
    grams = {tuple(padded[i : i + 4]) for i in range(len(text))}
    for _ in range(2):  # those of length 3, then of length 2, that a symbol comes before
        grams = {gram[1:] for gram in grams}
    counts = np.bincount([last for _, last in grams])
    taken = _discounts(counts)[np.minimum(counts, 3)]
    expected = (counts - taken + taken.sum() / 3) / counts.sum()
    unigrams = KneserNey.fit(np.array(text), order=4, classes=3, end=end).orders[0]
    assert unigrams.discounted + unigrams.backoff[0] / 3 == pytest.approx(expected)


def test_modified_discounts():
    counts = np.repeat([1, 2, 3, 4, 7], [40, 16, 8, 5, 9])
    y = 40 / 72
    expected = [0, 1 - 2 * y * 16 / 40, 2 - 3 * y * 8 / 16, 3 - 4 * y * 5 / 8]
    assert _discounts(counts).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("counts", [[167, 31, 2, 6], [10, 4, 9, 1], [10, 4, 5, 20], [8, 8, 0, 9]])
def test_every_discount_lies_between_0_and_its_count(counts):
    seen = np.repeat([1, 2, 3, 4], counts)
    found = _discounts(seen)
    assert found[0] == 0
    assert all(0 < taken < count for count, taken in enumerate(found[1:], start=1))


def test_kneser_ney_gives_every_symbol_a_probability_however_odd_the_counts():
    """Unigram counts of 167, 31, 2 and 6 words: equation 26 has a third discount below 0."""
    counts = np.repeat([1, 2, 3, 4], [167, 31, 2, 6])
    text = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    classes = len(counts) + 4
    for order in (1, 2, 3):
        model = KneserNey.fit(text, order=order, classes=classes, end=classes - 1)
        every = np.arange(classes)
        for context in ([], text[:2].tolist(), text[-2:].tolist(), [classes - 2]):
            p = np.exp([-model.losses(np.array([*context, w]))[-1] for w in every])
            assert (p > 0).all()
            assert p.sum() == pytest.approx(1)


def test_the_order_is_the_best_on_the_validation_text():
    text = some_text(6000)
    train, valid = text[:5000], text[5000:]
    losses = {
        n: KneserNey.fit(train, order=n, classes=6, end=END).losses(valid).mean()
        for n in (1, 2, 3, 4, 5)
    }
    chosen = KneserNey.chosen(train, valid, orders=[5, 1, 4, 2, 3], classes=6, end=END)
    assert chosen.order == min(losses, key=losses.__getitem__) not in (1, 5)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_an_order_counted_among_longer_ones_is_the_model_that_fit_gives(order):
    train, other = some_text(60), some_text(60)[::-1].copy()
    fitted = KneserNey.fit(train, order=order, classes=6, end=END)
    among = KneserNey._of(_count(train, 5, 6, END), order, 6, END)
    np.testing.assert_array_equal(among.losses(other), fitted.losses(other))


def test_kneser_ney_learns_from_context():
    text = some_text(6000)
    train, test = text[:5000], text[5000:]
    perplexities = [
        math.exp(KneserNey.fit(train, order=n, classes=6, end=END).losses(test).mean())
        for n in (1, 2)
    ]
    assert perplexities[1] < 0.6 * perplexities[0]
    assert perplexities[0] == pytest.approx(6, rel=0.01)


def test_distinct():
    ids = np.array([1, 2, 1, 2, 1])
    assert distinct([ids], 1) == 0.4
    assert distinct([ids], 2) == 0.5
    assert distinct([ids, np.array([2, 2])], 2) == 3 / 5  # none spans two texts
    assert math.isnan(distinct([ids[:3]], 4))


def test_longest_copy():
    source = np.array([1, 2, 3, 4, 1, 2, 5])
    assert longest_copy(np.array([9, 2, 3, 4, 2]), source) == 3
    assert longest_copy(np.array([1, 2, 5, 1]), source) == 3
    assert longest_copy(np.array([9, 9]), source) == 0
    assert longest_copy(source, source) == 7


def test_generated_text_is_scored():
    train = some_text()
    ngrams = KneserNey.fit(train, order=3, classes=6, end=END)
    copied = score_generated([([], train[100:140].tolist())], train, ngrams)
    assert copied["longest_copy"] >= 40
    stuck = score_generated([([], [0] * 40)], train, ngrams)
    assert stuck["repetition"] == pytest.approx(1 - 1 / 37)
    both = score_generated([([], [0] * 40), ([], [0] * 4), ([], [1] * 3)], train, ngrams)
    assert both["repetition"] == pytest.approx((1 - 1 / 37) / 2)  # another text does not count
    assert stuck["distinct_1"] == 1 / 40
    assert stuck["perplexity"] != copied["perplexity"]


def test_a_prompt_is_what_generated_text_follows_and_not_scored():
    train = some_text()
    ngrams = KneserNey.fit(train, order=3, classes=6, end=END)
    begun, drawn = train[100:140].tolist(), [UNKNOWN, UNKNOWN, 0, UNKNOWN]
    found = score_generated([(begun, drawn), (begun[:2], drawn[:1])], train, ngrams)
    after = [
        *ngrams.losses(np.array(begun + drawn))[-4:],
        ngrams.losses(np.array([*begun[:2], UNKNOWN]))[-1],
    ]
    assert found["perplexity"] == pytest.approx(math.exp(np.mean(after)))
    assert found["distinct_1"] == 2 / 5
    assert found["longest_copy"] < 4
