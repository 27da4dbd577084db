"""The compiled tokeniser finds what the plain one finds, whatever the characters."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_preprocess import params

from wordlab.text import preprocess
from wordlab.text import tokenising_kernels as kernels
from wordlab.text.tokenising_kernels import characters

KINDS = list(preprocess.TOKEN_PATTERNS)
OPTIONS = [
    {"lowercase": lowercase, "numbers": numbers, "units": units}
    for lowercase in (True, False)
    for numbers in ("keep", "zeros", "drop")
    for units in ("sentences", "lines", "documents")
]
TRICKY = (
    "aA bB.!?\"'’”»)]([¿¡,-_09½²ªº\n\r\t\v\f\x1c\x1f\x85\xa0\u2001\u2028"  # what bounds are made of
    "éÉßẞŞÇıIİΣσςΑ\u212a\u212bȺ\u01c5"  # letters with a case of their own
    "\u0301\u0307\u0323\u0345\u05b0\u093c\u09be\u200d"  # marks that join or change places
    "。！？｡」』।؟ーカの〇ไ่ກ\u00ad\u200c\ufeff"  # of other scripts, and what is not seen
    "दा\u0958한\u1100\u1161\u11a8中\uf900\U0001d15e\U00010400\U0001f600\U0002f800\ufb01"
)
MIXED = st.text(st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8")), max_size=40)


def plain(text, settings):
    return "".join(f"{line}\n" for line in preprocess.lines(text, settings))


def same(texts, settings):
    found = list(preprocess.tokenise(pa.array(texts, pa.string()), settings))
    assert len(found) == len(texts)
    for text, (content, sizes) in zip(texts, found, strict=True):
        expected = plain(text, settings)
        assert bytes(content).decode() == (expected + "\n" if expected else ""), ascii(text)
        lines = expected.count("\n")
        assert sizes.tolist() == [lines, expected.count(" ") + lines], ascii(text)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(texts=st.lists(MIXED, max_size=4), options=st.sampled_from(OPTIONS))
def test_any_texts_in_any_settings(kind, texts, options):
    same(texts, params(tokens=kind, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_every_character_between_others(kind):
    codes = np.array([code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000])
    flags = characters(kind, True, False, lines=False).flags[codes]
    refused = flags & (kernels.DOUBTFUL | kernels.CONTEXT) != 0
    plain = "".join(map(chr, codes[~refused]))
    texts = ["a1 ".join(plain[at : at + 512]) for at in range(0, len(plain), 512)]
    same(texts + [f"a{chr(code)}a {chr(code)}" for code in codes[refused]], params(tokens=kind))
    assert np.mean(refused) < 0.01


@pytest.mark.parametrize(
    "text",
    [
        "İstanbul'da. Iğdır! ŞİŞLİ",
        "ΟΔΟΣ Σ. ΣΑΣ",
        "नड़ा. कखग। दा",
        "e\u0301 \u0301e i\u0307\u0323 İ\u0323 İ\u0301",
        "H. N. Abrams, J.R. Ewing. X. Y... Z) said .) A. “B",
        "1.º 2.ª don't o'clock 'n' rock-'n'-roll 3.14, U.S. -a- a--b a’",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_scripts_and_abbreviations_ask_for(kind, text):
    for options in OPTIONS:
        same([text, "", text], params(tokens=kind, **options))


def test_a_slice_of_a_batch_is_a_batch():
    texts = pa.array(["One.", "Élan!", "", "Two; three."])
    found = preprocess.tokenise(texts[1:], params())
    assert bytes(found.data) == "élan\n\ntwo three\n\n".encode()
    assert found.sizes.tolist() == [[1, 1], [0, 0], [1, 2]]
    assert len(preprocess.tokenise(texts[:0], params()).ends) == 0


@pytest.mark.parametrize(
    ("kind", "threads"), [("letters", "1"), ("letters", "2"), ("nltk:WordPunctTokenizer", "2")]
)
def test_neither_workers_nor_batches_change_a_byte(monkeypatch, kind, threads):
    monkeypatch.setenv("WORDLAB_THREADS", threads)
    texts = pa.array([f"Document {'abcdefghij'[i % 10]}. Has two sentences." for i in range(12)])
    settings = params(tokens=kind)
    whole = preprocess.tokenise(texts, settings)
    parts = list(preprocess.tokenised((texts[at : at + 3] for at in range(0, 12, 3)), settings))
    assert np.array_equal(np.concatenate([part.data for part in parts]), whole.data)
    assert np.array_equal(np.concatenate([part.sizes for part in parts]), whole.sizes)
