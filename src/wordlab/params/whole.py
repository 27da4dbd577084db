"""The whole of params.yaml: every section, read and validated in one go."""

import itertools
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from wordlab.errors import UserError
from wordlab.params import Count, Section, Seed, is_section, merged
from wordlab.params.derived import combined, predicted
from wordlab.params.embeddings import (
    ComparisonParams,
    CooccurrenceParams,
    EvaluationParams,
    ExplorerParams,
    GloveParams,
    MapParams,
    PpmiParams,
    Word2vecSection,
)
from wordlab.params.language import (
    CELLS,
    CharacterModelParams,
    GenerationParams,
    LanguageEvaluationParams,
    LanguageModelParams,
    LanguageModelSection,
)
from wordlab.params.studies import (
    AutoencoderStudyParams,
    CellStudyParams,
    DrawsParams,
    GradientStudyParams,
    RegularisationStudyParams,
    SizeStudyParams,
    WindowStudyParams,
)
from wordlab.params.sweeps import (
    GloveSweepParams,
    PpmiSweepParams,
    Range,
    RecurrentSweepParams,
    Word2vecSweepParams,
    check_combination,
)
from wordlab.params.text import (
    BY_LANGUAGE,
    CorpusParams,
    Language,
    LanguageParams,
    PreprocessParams,
    VocabularyParams,
)

PARAMS = Path("params.yaml")
"""Where the params are, seen from where stages run."""


class Params(Section):
    """All settings of the pipeline, one field a section of params.yaml."""

    seed: Seed
    """Every random stream is derived from it."""
    vector_seeds: Count
    """How often word2vec, GloVe and the SVD of PPMI are trained, with different seeds: their scores
    are means over these trainings, and all else that loads vectors takes those of the first, with
    `seed`. An SVD of some `ppmi.tolerance` depends on where it starts, which moves scores as much
    as word2vec's seed does. The rows of PPMI itself draw nothing."""
    corpus: CorpusParams
    preprocess: PreprocessParams
    languages: dict[Language, LanguageParams]
    """What a text is asked in each language, where a param is `by_language`."""
    vocabulary: VocabularyParams
    cooccurrence: CooccurrenceParams
    word2vec: Word2vecSection
    ppmi: PpmiParams
    glove: GloveParams
    evaluation: EvaluationParams
    language_model: LanguageModelSection
    character_model: CharacterModelParams
    generation: GenerationParams
    language_evaluation: LanguageEvaluationParams
    autoencoder: AutoencoderStudyParams
    comparison: ComparisonParams
    word_map: MapParams
    draws: DrawsParams
    explorer: ExplorerParams
    window_study: WindowStudyParams
    size_study: SizeStudyParams
    gradient_study: GradientStudyParams
    regularisation_study: RegularisationStudyParams
    cell_study: CellStudyParams
    sweep_word2vec: Word2vecSweepParams
    sweep_glove: GloveSweepParams
    sweep_ppmi: PpmiSweepParams
    sweep_recurrent: RecurrentSweepParams

    @model_validator(mode="before")
    @classmethod
    def characters_inherit(cls, raw: Any) -> Any:
        """Give `character_model` the keys of `language_model.shared` that it does not set."""
        try:
            shared, own = raw["language_model"]["shared"], raw["character_model"]
        except (KeyError, TypeError):
            return raw
        if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
            return raw
        return {**raw, "character_model": {**shared, **own}}

    @model_validator(mode="before")
    @classmethod
    def languages_apply(cls, raw: Any) -> Any:
        """Put what `languages` has for the text's language in the place of each `by_language`."""
        try:
            own = raw["languages"][raw["preprocess"]["language"]]
        except (KeyError, TypeError):
            return raw
        if not isinstance(own, Mapping):
            return raw
        raw = deepcopy(raw)
        for param, key in BY_LANGUAGE.items():
            *sections, last = param.split(".")
            place = raw
            for section in sections:
                place = place.get(section) if isinstance(place, Mapping) else None
            if isinstance(place, dict) and place.get(last) == "by_language":
                place[last] = own.get(key)
        return raw

    @model_validator(mode="before")
    @classmethod
    def sweeps_inherit(cls, raw: Any) -> Any:
        """Give the sweeps of vectors the settings of the pipeline that they do not set."""
        try:
            shared, counts = raw["word2vec"]["shared"], raw["cooccurrence"]
            glove, ppmi = raw["glove"], raw["ppmi"]
            sweeps = raw["sweep_word2vec"], raw["sweep_glove"], raw["sweep_ppmi"]
        except (KeyError, TypeError):
            return raw
        return {
            **raw,
            "sweep_word2vec": Word2vecSweepParams.inherit(sweeps[0], shared),
            "sweep_glove": GloveSweepParams.inherit(sweeps[1], counts, glove),
            "sweep_ppmi": PpmiSweepParams.inherit(sweeps[2], counts, ppmi),
        }

    @model_validator(mode="after")
    def sweeps_agree(self) -> Self:
        """Refuse a sweep of vectors that lacks a setting, and combinations of the recurrent one
        that contradict themselves, or that nothing brings to its parameters or update_tokens."""
        for name, grid in {
            "sweep_word2vec": self.sweep_word2vec,
            "sweep_glove": self.sweep_glove,
            "sweep_ppmi": self.sweep_ppmi,
        }.items():
            for missing in grid.missing():
                raise ValueError(f"{name}.{missing}: missing; expected in `grid` or in `fixed`")
        sweep = self.sweep_recurrent
        cells = [getattr(self.language_model, cell) for cell in sweep.cells]
        for base in cells:
            if base.cell_backend == "torch" and base.cell not in CELLS:
                raise ValueError(
                    f"sweep_recurrent.cells: torch has no {base.cell}, and "
                    "cell_backend is torch; expected wordlab"
                )
        tokens, ranged = sweep.update_tokens, isinstance(sweep.space.get("bptt_length"), Range)
        for base, tried in itertools.product(cells, sweep.corners()):
            settings = combined(sweep, base, tried)
            try:
                own = check_combination(base, settings)
            except ValueError as error:
                raise ValueError(f"sweep_recurrent: {error}") from None
            if sweep.parameters is not None and (own.tied or own.embedding == "one_hot"):
                raise ValueError(
                    "sweep_recurrent.parameters: the budget decides embedding_size; expected tied: "
                    "false and embedding: trained or frozen"
                )
            length = predicted(settings, base)
            if tokens is not None and tokens % length and not (ranged and length <= tokens):
                raise ValueError(
                    f"sweep_recurrent.update_tokens: expected a multiple of each bptt_length, "
                    f"{length} among them, got {tokens}"
                )
        return self


def load(path: Path, over: Path | None = None) -> Params:
    """Return the validated params of the YAML 1.2 file at `path`, with those of `over` on top.

    Raises UserError, one line per mistake, which names the param and what was expected.
    """
    raw = read(path)
    if over is not None:
        raw = merged(raw, read(over))
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        lines = dict.fromkeys(_line(over or path, raw, mistake) for mistake in error.errors())
        raise UserError("\n".join(lines)) from None


def restored(kept: Mapping[str, Any], today: Path, source: Path) -> Params:
    """Return the params `kept` of an older revision, as those of this one.

    kept: what params.yaml held then, as `read` returns it; settings that there are no longer are
    left out, and those that there were not yet are as in the file `today`. Raises UserError, which
    names the file `source`, where a setting no longer takes its value.
    """
    raw, now = deepcopy(dict(kept)), read(today)
    while True:
        try:
            return Params.model_validate(raw)
        except ValidationError as error:
            mistakes = error.errors()
        changed = [_adapt(raw, now, mistake) for mistake in mistakes]
        if not any(changed):
            lines = dict.fromkeys(_line(source, raw, mistake) for mistake in mistakes)
            raise UserError("\n".join(lines)) from None


def _adapt(raw: dict[str, Any], now: Mapping[str, Any], mistake: Any) -> bool:
    """Mend in `raw` that a setting is there no longer, or not yet; return whether that was it."""
    missing = mistake["type"] == "missing"
    if not missing and mistake["type"] != "extra_forbidden":
        return False
    given = [str(part) for part in mistake["loc"]]
    source = now if missing else raw
    for *sections, last in (_place(source, given, missing), given):
        if _has(source, [*sections, last]) and _has(raw, sections):
            old: Any = reduce(getitem, sections, raw)
            new: Any = reduce(getitem, sections, source)
            if missing:
                old[last] = deepcopy(new[last])
            else:
                del old[last]
            return True
    return False


def read(path: Path) -> dict[str, Any]:
    """Return what the YAML file at `path` holds, not validated."""
    try:
        raw = deepcopy(_parsed(path.read_bytes()))
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; expected the params of a checkout of wordlab"
        ) from None
    except YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{path}{line}: {problem}; expected YAML") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: expected sections with keys, as `seed: 1`")
    return raw


@lru_cache(maxsize=8)
def _parsed(text: bytes) -> Any:
    """Return what YAML holds; a stage reads its params twice, and parsing them takes a while."""
    return YAML(typ="safe", pure=True).load(text)


def _line(path: Path, raw: Mapping[str, Any], mistake: Any) -> str:
    """Return one line for a mistake that pydantic found."""
    kind = mistake["type"]
    place = _place(raw, [str(part) for part in mistake["loc"]], kind == "missing")
    if kind == "extra_forbidden":
        known = _known_keys(place[:-1])
        hint = f"; expected one of {', '.join(known)}" if known else ""
        problem = f"no such param{hint}"
    elif kind == "missing":
        problem = "missing"
    elif kind == "value_error":
        problem = str(mistake["ctx"]["error"])
        key, colon, rest = problem.partition(": ")
        keys = key.split(".")
        if colon and all(map(str.isidentifier, keys)):  # a check of several keys names the culprit
            place, problem = [*place, *keys], rest
    else:
        expected = mistake["msg"].removeprefix("Input should be ")
        problem = f"expected {expected}, got {mistake['input']!r}"
    return f"{path}: {'.'.join(place)}: {problem}"


def _place(raw: Mapping[str, Any], place: list[str], missing: bool) -> list[str]:
    """Return where in the file a value is, or belongs: a model's key may be in `shared`."""
    if place[:1] == ["character_model"]:
        own, shared = place[:1], ["language_model", "shared"]
        inherited = place[1:2] and place[1] in LanguageModelParams.model_fields
    else:
        own, shared = place[:2], [*place[:1], "shared"]
        inherited = len(place) >= 3 and _has(raw, shared)
    inner = place[len(own) :]
    if inherited and missing or _has(raw, [*shared, *inner]) and not _has(raw, place):
        return [*shared, *inner]
    return place


def _has(section: Any, place: list[str]) -> bool:
    """Say whether nested mappings have a key at `place`."""
    for part in place:
        if not isinstance(section, Mapping) or part not in section:
            return False
        section = section[part]
    return True


def _known_keys(place: list[str]) -> list[str]:
    """Return the keys that the section at `place` knows."""
    section: Any = Params
    for part in place:
        fields = section.model_fields
        models = (field.annotation for field in fields.values() if is_section(field.annotation))
        section = next(models) if part == "shared" else fields[part].annotation
        if not is_section(section):
            return []
    return list(section.model_fields)
