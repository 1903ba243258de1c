"""Where Discord reads a message's markup otherwise than simcord's pages do."""

import re

from simcord.preview import _markdown

ALONE = re.compile(r"> | *(?:[-*]|[0-9]{1,9}\.) ")
"""How a line begins that is a quotation or an entry of a list, which may stand in another."""
FENCE = "```"

_stock = _markdown._discord_multiline_quotes


def end_lines() -> None:
    """Let quotations and lists end with their line, in every page of this process."""
    _markdown._discord_multiline_quotes = _read


def _read(text: str) -> str:
    read: str = _stock(ended(text))
    return read


def ended(text: str) -> str:
    """Return a text in which an empty line ends quotations and lists where Discord ends them.

    In CommonMark, which simcord follows, the plain line behind them belongs to them.
    """
    lines: list[str] = []
    is_code = belongs = False
    for line in text.split("\n"):
        begins = not is_code and ALONE.match(line) is not None
        if belongs and not begins and line.strip() and not line.startswith(" "):
            lines.append("")
        lines.append(line)
        is_code ^= not begins and line.count(FENCE) % 2 == 1  # code in a quotation ends with it
        belongs = begins
    return "\n".join(lines)
