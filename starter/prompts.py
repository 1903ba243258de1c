"""How people ask for a scene, in English, both kinds of Chinese, and mixtures.

It owns the phrasings and the noise around them; it must not know pictures or models.
"""

import random
import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import inflect

from starter.catalog import Catalog, Language
from starter.wishes import FANCY, Relation, Style, Wish

PHRASINGS = Path(__file__).with_name("phrasings.toml")
PLAIN_NAME = 0.6
PRAISED = 0.12
COLOURED = 0.05  # "a red apple on a green background" is about green
TAILED = 0.2
STRANGE = 0.12  # words nobody taught must not move the picture
CAPITALISED, SHOUTED = 0.15, 0.06
HAN = (0x4E00, 0x9FA5)
VOWEL_NOUN = re.compile(r"\b([Aa]) (?=[aeiou]|hour)(?!uni|ufo|eu|one)", re.IGNORECASE)
COUNTER = "个"  # for English names in a Chinese sentence
MARK = "\x00"  # stands before a name that takes no article
BARE_NOUN = re.compile(rf"(?:\ban? )?{MARK}")


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The ways to say a wish in one language."""

    numbers: tuple[str, ...]
    both: tuple[str, ...]
    thing: tuple[str, ...]
    background: tuple[str, ...]
    nothing: tuple[str, ...]
    praise: tuple[str, ...]
    tails: tuple[str, ...]
    many: tuple[str, ...]
    backdrop: tuple[str, ...]
    relations: Mapping[Relation, tuple[str, ...]]
    styles: Mapping[Style, tuple[str, ...]]

    def of(self, wish: Wish) -> tuple[str, ...]:
        """Return the phrasings that name the things of a wish, and its background if they can."""
        if wish.other is not None:
            return self.relations[wish.relation]
        if wish.count > 1:
            return self.many
        if wish.thing is None:
            return self.nothing if wish.background is None else self.background
        return self.both if wish.background is not None else self.thing


class _Dice:
    """Chooses one of several texts: always the numbered one, or any."""

    def __init__(self, number: int, rng: random.Random | None) -> None:
        self.number, self.rng = number, rng

    def phrasing(self, choices: tuple[str, ...]) -> str:
        if self.rng is not None:
            return self.rng.choice(choices)
        return choices[self.number % len(choices)]

    def name(self, names: tuple[str, ...]) -> str:
        if self.rng is None or self.rng.random() < PLAIN_NAME:
            return names[0]
        return self.rng.choice(names)

    def happens(self, chance: float) -> bool:
        return self.rng is not None and self.rng.random() < chance


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says wishes about a catalog."""

    catalog: Catalog
    phrasings: Mapping[Language, Phrasings]

    def plain(self, wish: Wish, language: Language, phrasing: int) -> str:
        """Say a wish in plain names and the numbered phrasing, wrapping around."""
        return self._say(wish, language, (language, language), _Dice(phrasing, None))

    def spoken(
        self, wish: Wish, language: Language, rng: random.Random, *, noisy: bool = True
    ) -> str:
        """Say a wish as somebody might: other names, praise, capitals; noisy adds idle words."""
        text = self._say(wish, language, _tongues(language, rng), _Dice(0, rng))
        if noisy and rng.random() < TAILED:
            text += rng.choice(self.phrasings[language].tails)
        if noisy and rng.random() < STRANGE:
            text = _with_strange_words(text, rng)
        if rng.random() < SHOUTED:
            return text.upper()
        return text[:1].upper() + text[1:] if rng.random() < CAPITALISED else text

    def _say(
        self, wish: Wish, language: Language, tongues: tuple[Language, Language], dice: _Dice
    ) -> str:
        phrasings = self.phrasings[language]
        text = dice.phrasing(phrasings.of(wish))
        words = self._words(wish, phrasings, tongues, text, dice)
        text = text.format(**words)
        several = wish.other is not None or wish.count > 1
        if several and wish.background is not None:
            text = dice.phrasing(phrasings.backdrop).format(x=text, b=words["b"])
        if wish.style is not Style.PLAIN:
            text = dice.phrasing(phrasings.styles[wish.style]).format(x=text)
        return VOWEL_NOUN.sub(r"\1n ", BARE_NOUN.sub("", text))

    def _words(
        self,
        wish: Wish,
        phrasings: Phrasings,
        tongues: tuple[Language, Language],
        text: str,
        dice: _Dice,
    ) -> dict[str, str]:
        things, colours = tongues
        words = {"n": phrasings.numbers[wish.count - 1], "d": str(wish.count), "b": ""}
        if wish.background is not None:
            words["b"] = dice.name(self.catalog.backgrounds[wish.background].names[colours])
        coloured = "background" in text or "背景" in text
        for index, slots in ((wish.thing, ("t", "c")), (wish.other, ("u", "e"))):
            if index is not None:
                words |= self._named(index, slots, things, coloured=coloured, dice=dice)
        if "{ts}" in text:
            words["ts"] = (
                words["t"].removeprefix(MARK) if MARK in words["t"] else _plural(words["t"])
            )
        return words

    def _named(
        self,
        index: int,
        slots: tuple[str, str],
        tongue: Language,
        *,
        coloured: bool,
        dice: _Dice,
    ) -> dict[str, str]:
        thing = self.catalog.things[index]
        name = dice.name(thing.names[tongue])
        if dice.happens(PRAISED):
            name = dice.phrasing(self.phrasings[tongue].praise) + name
        if coloured and dice.happens(COLOURED):
            colour = dice.phrasing(tuple(b.names[tongue][0] for b in self.catalog.backgrounds))
            name = colour + (" " if tongue is Language.EN else "") + name
        bare = MARK if thing.bare and tongue is Language.EN else ""
        counter = thing.counters.get(tongue, COUNTER)
        return {slots[0]: bare + name, slots[1]: counter}


def load_speaker(catalog: Catalog) -> Speaker:
    """Read the phrasings for a catalog."""
    raw = tomllib.loads(PHRASINGS.read_text(encoding="utf-8"))
    return Speaker(catalog, {language: _phrasings(raw[language]) for language in Language})


def _phrasings(row: dict[str, list[str]]) -> Phrasings:
    texts = {kind: tuple(lines) for kind, lines in row.items()}
    relations = {relation: texts.pop(relation) for relation in Relation}
    styles: dict[Style, tuple[str, ...]] = {style: texts.pop(style) for style in FANCY}
    return Phrasings(**texts, relations=relations, styles=styles)


@lru_cache(maxsize=4096)
def _plural(name: str) -> str:
    return str(_inflector().plural_noun(name) or name)


@lru_cache(maxsize=1)
def _inflector() -> inflect.engine:
    return inflect.engine()


def _tongues(language: Language, rng: random.Random) -> tuple[Language, Language]:
    if language is not Language.MIXED:
        return language, language
    chinese = rng.choice((Language.ZH, Language.TW))
    return (Language.EN, chinese) if rng.random() < 0.5 else (chinese, Language.EN)


def _with_strange_words(text: str, rng: random.Random) -> str:
    words = []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            words.append("".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 8))))
        else:
            words.append("".join(chr(rng.randint(*HAN)) for _ in range(rng.randint(1, 4))))
    strange = rng.choice((" ", ", ", "，")).join(words)
    joint = rng.choice((" ", ", ", "，"))
    return f"{text}{joint}{strange}" if rng.random() < 0.7 else f"{strange}{joint}{text}"
