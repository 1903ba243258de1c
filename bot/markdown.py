"""Members' own words made safe to show: no markup, mention, link or text direction takes effect."""

import re

SPECIAL = re.compile(r"([\\`*_~|\[\]()<>#@:+\-])")
"""Discord shows any ASCII punctuation after a backslash as itself."""
DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Bidirectional controls, one of which could turn the rest of the card around, and halves of
characters, which cannot be sent."""
SPACE = re.compile(r"\s+")


def plain(text: str, limit: int = 1000) -> str:
    """Return text that Discord shows letter by letter, on one line, at most `limit` characters."""
    one_line = SPACE.sub(" ", DIRECTION.sub("", text)).strip()
    escaped = SPECIAL.sub(r"\\\1", one_line)
    if len(escaped) <= limit:
        return escaped
    # A cut between a backslash and its character would let the backslash escape the ellipsis.
    kept = escaped[: limit - 1]
    loose = (len(kept) - len(kept.rstrip("\\"))) % 2
    return kept[: len(kept) - loose] + "…"


def quote(text: str, limit: int = 1000) -> str:
    """Return the text as a one-line quotation."""
    return f"> {plain(text, limit - 2)}"
