"""How people ask for a scene, in English, both kinds of Chinese, and mixtures.

It owns the phrasings and the noise around them; it must not know pictures or models.
"""

import random
import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starter.catalog import Catalog, Language

PHRASINGS = Path(__file__).with_name("phrasings.toml")
PLAIN_NAME = 0.6
PRAISED = 0.12
TAILED = 0.2
STRANGE = 0.12  # words nobody taught must not move the picture
CAPITALISED = 0.15
HAN = (0x4E00, 0x9FA5)
VOWEL_NOUN = re.compile(r"\ba (?=[aeiou])")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a prompt asks for; None leaves the choice to the model."""

    thing: int | None
    background: int | None


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The ways to say a wish in one language."""

    both: tuple[str, ...]
    thing: tuple[str, ...]
    background: tuple[str, ...]
    nothing: tuple[str, ...]
    praise: tuple[str, ...]
    tails: tuple[str, ...]

    def of(self, wish: Wish) -> tuple[str, ...]:
        """Return the phrasings that name exactly what the wish names."""
        if wish.thing is None:
            return self.nothing if wish.background is None else self.background
        return self.both if wish.background is not None else self.thing


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says wishes about a catalog."""

    catalog: Catalog
    phrasings: Mapping[Language, Phrasings]

    def plain(self, wish: Wish, language: Language, phrasing: int) -> str:
        """Say a wish in plain names and the numbered phrasing, wrapping around."""
        choices = self.phrasings[language].of(wish)
        return self._fill(choices[phrasing % len(choices)], wish, language, language, None)

    def spoken(
        self, wish: Wish, language: Language, rng: random.Random, *, noisy: bool = True
    ) -> str:
        """Say a wish as somebody might: other names, praise, capitals; noisy adds idle words."""
        phrasings = self.phrasings[language]
        text = self._fill(rng.choice(phrasings.of(wish)), wish, *_speakers(language, rng), rng)
        if noisy and rng.random() < TAILED:
            text += rng.choice(phrasings.tails)
        if noisy and rng.random() < STRANGE:
            text = _with_strange_words(text, rng)
        return text[:1].upper() + text[1:] if rng.random() < CAPITALISED else text

    def _fill(
        self,
        phrasing: str,
        wish: Wish,
        thing_language: Language,
        colour_language: Language,
        rng: random.Random | None,
    ) -> str:
        name = colour = counter = ""
        if wish.thing is not None:
            thing = self.catalog.things[wish.thing]
            name = _one_of(thing.names[thing_language], rng)
            counter = thing.counters.get(thing_language, "个")
            if rng is not None and rng.random() < PRAISED:
                name = rng.choice(self.phrasings[thing_language].praise) + name
        if wish.background is not None:
            colour = _one_of(self.catalog.backgrounds[wish.background].names[colour_language], rng)
        return VOWEL_NOUN.sub("an ", phrasing.format(t=name, b=colour, c=counter))


def load_speaker(catalog: Catalog) -> Speaker:
    """Read the phrasings for a catalog."""
    raw = tomllib.loads(PHRASINGS.read_text(encoding="utf-8"))
    return Speaker(
        catalog,
        {
            language: Phrasings(**{kind: tuple(texts) for kind, texts in raw[language].items()})
            for language in Language
        },
    )


def _one_of(names: tuple[str, ...], rng: random.Random | None) -> str:
    if rng is None or rng.random() < PLAIN_NAME:
        return names[0]
    return rng.choice(names)


def _speakers(language: Language, rng: random.Random) -> tuple[Language, Language]:
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
