"""Whether a variant reads a prompt and can write what it quotes, and which one would do better.

Pure. It goes by the scripts of Unicode alone, so it knows Chinese from Latin letters, and Chinese
from Japanese by its kana, and guesses at no other language. What is drawn is not its business.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.cards.remarks import Remarks
from engine.variants.catalog import Catalog, Variant

HAN = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002ee5d\U0002f800-\U0002fa1f\U00030000-\U000323af"
)
# Without the middle dot and the long-vowel mark, which stand in Chinese texts as well.
KANA = "\u3041-\u309f\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d"
SIGN = re.compile(f"[{HAN}]")
KANA_SIGN = re.compile(f"[{KANA}]")
WORD = re.compile("[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)*")
SIGNS_A_WORD = 2
"""How many Chinese signs say about as much as one word of Latin letters."""
SIGNS_A_KANA = 4
"""Japanese has at least one kana to so many signs; Chinese borrows の now and then."""
QUOTED = re.compile(
    "|".join(
        (
            "“([^“”]+)”",
            '"([^"]+)"',
            "「([^「」]+)」",
            "『([^『』]+)』",
            "‘([^‘’]+)’",
            # Between letters the same character is an apostrophe.
            r"(?<![A-Za-z])'([^']+)'(?![A-Za-z])",
        )
    )
)
LETTERING = re.compile(
    rf"""
      (?:[写寫][着著有上]|[题題]字|[题題]着|題著) [\s:：]* [{HAN}]
    | (?:文字|字样|字樣|标题|標題|标语|標語|台词|臺詞) \s*
      (?:[:：]|是|[为為]) \s* [{HAN}]
    | [{HAN}] 的? (?:字样|字樣)
    | \b(?:text|saying|says|titled|labell?ed|captioned|(?:that|which)\ reads?|words?) [\s:：]+
      [{HAN}]
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What announces text in the picture without quotation marks, right before it (or after)."""


class Lack(StrEnum):
    """What a variant cannot do with a prompt; a key of its text."""

    READING = "reading"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class Advice:
    """What `variant` lacks for a prompt in `language`, and who lacks less, the best first."""

    variant: str
    language: str
    lacks: frozenset[Lack]
    better: tuple[str, ...]


def advise(
    prompt: str, variant: Variant, catalog: Catalog, served: Collection[str]
) -> Advice | None:
    """Return what to tell a member before the order, or None where `variant` can do it all.

    `better` names variants of `catalog` that some worker in `served` draws now: those that lack
    least, and of these the cheapest first.
    """
    lacks = lacking(prompt, variant)
    if not lacks:
        return None
    here = [catalog[name] for name in catalog.names if name in served]
    # The prompt is all there is: who changes pictures has nothing to start from.
    from_words = (one for one in here if not one.accepts.needs_picture)
    better = [one for one in from_words if lacking(prompt, one) < lacks]
    better.sort(key=lambda one: (len(lacking(prompt, one)), one.cost))
    return Advice(
        variant=variant.name,
        language=language_of(prompt) or "zh",
        lacks=lacks,
        better=tuple(one.name for one in better),
    )


def remarks(prompt: str, variant: Variant) -> Remarks:
    """Return what the cards say of an order that `variant` can only do in part.

    Nothing for one with a vocabulary: bot/delivery/hints says what it knows.
    """
    if variant.vocabulary is not None:
        return {}
    told = {"variant": variant.name, "language": language_of(prompt) or "zh"}
    return {str(lack): told for lack in sorted(lacking(prompt, variant))}


def lacking(prompt: str, variant: Variant) -> frozenset[Lack]:
    """Return what a variant cannot do with a prompt."""
    language = language_of(prompt)
    lacks = {Lack.READING} if language and language not in variant.languages else set()
    if "zh" not in variant.glyphs and asks_for_signs(prompt):
        lacks.add(Lack.WRITING)
    return frozenset(lacks)


def language_of(prompt: str) -> str | None:
    """Return `zh` or `en`, the language of most of a prompt; None where it is neither.

    What stands in quotation marks is to be written, not to be read.
    """
    said = QUOTED.sub(" ", prompt)
    if not SIGN.search(said) and not WORD.search(said):
        said = prompt  # all of it is quoted, so it is no quotation
    signs, words = len(SIGN.findall(said)), len(WORD.findall(said))
    if _is_japanese(said):
        return None
    if signs > SIGNS_A_WORD * words:
        return "zh"
    return "en" if words else None


def asks_for_signs(prompt: str) -> bool:
    """Tell whether a prompt asks for Chinese text in the picture."""
    quotes = ["".join(group or "" for group in match) for match in QUOTED.findall(prompt)]
    if any(SIGN.search(quote) and not _is_japanese(quote) for quote in quotes):
        return True
    return LETTERING.search(QUOTED.sub("“”", prompt)) is not None and not _is_japanese(prompt)


def _is_japanese(text: str) -> bool:
    kana = len(KANA_SIGN.findall(text))
    return kana > 0 and kana * SIGNS_A_KANA >= len(SIGN.findall(text))
