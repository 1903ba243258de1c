"""What the cards of one order remark on beyond its request: kept with the order, said in words.

It knows what a remark is and how it reads, not why one is made.
"""

from collections.abc import Mapping

from bot.i18n import Words
from bot.markdown import plain

Remarks = Mapping[str, Mapping[str, str | int]]
"""The parameters of each remark's text by its code."""
ENLARGED: Remarks = {"enlarged": {}}
"""Says of pictures that they are larger ones of what they started from; the result's card knows."""


def lines(words: Words, remarks: Remarks) -> list[str]:
    """Return a line for each; one of a version with other remarks is left out."""
    known = ((f"remarks.{code}", params) for code, params in remarks.items())
    return [
        f"-# {words(key, **_shown(words, params))}" for key, params in known if key in words.texts
    ]


def is_enlarged(remarks: Remarks) -> bool:
    """Tell whether an order's pictures are larger ones of what they started from."""
    return ENLARGED.keys() <= remarks.keys()


def repeated(remarks: Remarks) -> Remarks:
    """Return what is as true of pictures that are drawn again from the same."""
    return ENLARGED if is_enlarged(remarks) else {}


def _shown(words: Words, params: Mapping[str, str | int]) -> dict[str, str | int]:
    shown = {name: plain(one) if isinstance(one, str) else one for name, one in params.items()}
    if "options" in params:
        each = str(params["options"]).split(", ")
        named = (plain(words.name(f"imagine.{one}", one)) for one in each)
        shown["options"] = words("list.comma").join(named)
    for name, names in (("variant", "variants"), ("language", "languages")):
        if name in params:
            shown[name] = plain(words.name(f"{names}.{params[name]}", str(params[name])))
    return shown
