"""Names that members give: as they are shown, and as they are looked up; knows no table.

Names are told apart whatever their case, width and blanks.
"""

import unicodedata

INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}


def tidy(typed: str, limit: int) -> str | None:
    """Return a name as it is shown; None where it is too long, or cannot be seen or kept."""
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    visible = [char for char in name if unicodedata.category(char) not in INVISIBLE]
    is_safe = all(unicodedata.category(char) not in {"Cc", "Cs"} for char in name)
    return name if visible and is_safe and len(name) <= limit else None


def key(typed: str) -> str:
    """Return what a name is looked up by."""
    folded = unicodedata.normalize("NFKC", " ".join(typed.split())).casefold()
    # PostgreSQL cannot be asked for NUL, nor any driver for a lone surrogate.
    return "".join(one for one in folded if unicodedata.category(one) not in {"Cc", "Cs"})[:128]
