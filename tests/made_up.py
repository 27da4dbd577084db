"""Texts that none of the evaluation sets, lists and prompts know: made-up words, and Spanish."""

import numpy as np

CONSONANTS, VOWELS = "bdfgklmnprstvxz", "aeiou"


def made_up_text(*, documents=12, sentences=40, words=400, topics=6, seed=1):
    """Return documents of made-up words by Zipf's law, each document of one topic in the main.

    Short words are the commonest and stand everywhere; a topic has long words of its own.
    """
    random = np.random.default_rng(seed)
    lexicon = _lexicon(random, words)
    weights = 1 / np.arange(1, words + 1)
    common = words // 10
    text = []
    for document in range(documents):
        own = weights.copy()
        own[common:][np.arange(words - common) % topics != document % topics] /= 20
        lines = []
        for _ in range(sentences):
            drawn = random.choice(lexicon, random.integers(6, 16), p=own / own.sum())
            lines.append(f"{' '.join(drawn).capitalize()}.")
        text.append(" ".join(lines))
    return "\n\n".join(text)


def _lexicon(random, size):
    """Return distinct words, the first tenth of one syllable, the others of three."""
    found = {}
    while len(found) < size:
        syllables = 1 if len(found) < size // 10 else 3
        word = "".join(
            random.choice(list(CONSONANTS)) + random.choice(list(VOWELS)) for _ in range(syllables)
        )
        found.setdefault(f"{word}xu", None)
    return list(found)


TOPICS = (
    (
        "mar río barco puerto ola isla pescador playa viento agua",
        "navegar pescar llegar cruzar hundir remar",
        "azul hondo salado tranquilo ancho frío",
    ),
    (
        "reino rey reina guerra ejército batalla corona castillo soldado pueblo",
        "luchar vencer reinar defender conquistar huir",
        "antiguo poderoso valiente temible noble vencido",
    ),
    (
        "canción música guitarra voz baile orquesta violín maestro teatro público",
        "cantar tocar bailar escuchar componer aplaudir",
        "alegre triste hermoso suave popular célebre",
    ),
    (
        "bosque árbol montaña pájaro flor semilla lluvia tierra cosecha campesino",
        "crecer sembrar florecer caminar recoger volar",
        "verde fértil silvestre pequeño oscuro húmedo",
    ),
)
"""Nouns, verbs and adjectives of each topic."""
SENTENCES = (
    "El {n0} de la {n1} no quiso {v0} porque parecía muy {a0}.",
    "¿Por qué el {n0} y la {n1} tenían que {v0} con un {n2} tan {a0}?",
    "En aquel año, según cuentan, el {n0} {a0} empezó a {v0} sobre el {n1}.",
    "¡Qué {a0} estaba la {n0} cuando los del {n1} fueron a {v0}!",
    "Desde entonces la {n0} {a0} es, para el {n1}, lo que fue el {n2} para sus padres.",
    "También se dice que quien sabe {v0} puede {v1} sin un {n0} {a0} ni una {n1}.",
)


def spanish_text(*, documents=12, sentences=40, seed=1):
    """Return documents in Spanish, each of one topic in the main."""
    random = np.random.default_rng(seed)
    text = []
    for document in range(documents):
        lines = []
        for _ in range(sentences):
            topic = document if random.random() < 0.85 else random.integers(len(TOPICS))
            nouns, verbs, adjectives = (words.split() for words in TOPICS[topic % len(TOPICS)])
            drawn = {
                f"{kind}{place}": word
                for kind, words in (("n", nouns), ("v", verbs), ("a", adjectives))
                for place, word in enumerate(random.permutation(words)[:3])
            }
            lines.append(random.choice(SENTENCES).format(**drawn))
        text.append(" ".join(lines))
    return "\n\n".join(text)
