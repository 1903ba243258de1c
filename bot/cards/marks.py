"""The custom ids of buttons: what to do and with which order; of a list, its page and its search.

Messages live for years, so a form that was ever sent stays readable.
"""

import re

from bot.errors import PressOutdated

LIMIT = 100
"""Discord's limit for a custom id."""
# A button of an action that this version does not know matches too, so that it gets an answer.
PATTERN = r"(?P<action>[a-z]+):(?P<subject>[0-9a-z]+)(?::(?P<page>\d+))?(?:~(?P<tail>[\s\S]*))?"
OF_LORAS = ("lora", "train")
"""How actions begin whose subject is a LoRA, and no order."""
REMIX_FORM = re.compile(r"remix-form:(?P<id>[0-9a-z]+)(?::(?P<nth>\d+))?")
REPORT_FORM = re.compile(r"report-form:(?P<id>[0-9a-z]+)")


def button(
    action: str, subject: str | int, page: int | None = None, tail: str | None = None
) -> str:
    """Return the custom id of a button; `tail` is any text, what is too long of it is cut."""
    mark = f"{action}:{subject}" if page is None else f"{action}:{subject}:{page}"
    return mark if tail is None else f"{mark}~{tail}"[:LIMIT]


def page(said: str) -> int:
    """Return the page that a button names. Raises PressOutdated for what is none."""
    if not re.fullmatch(r"[0-9]{1,6}", said):
        raise PressOutdated
    return int(said)


def nth(said: str | None) -> int:
    """Return the number behind a button's subject: a page, a picture or a message; 0 for none.

    Raises PressOutdated for one that no database holds.
    """
    if (number := int(said or 0)) >= 2**63:
        raise PressOutdated
    return number


def tail_of(custom_id: str) -> str:
    """Return the text behind a button's mark."""
    return custom_id.partition("~")[2]


def remix_form(generation_id: str, nth: int = 0) -> str:
    """Return the custom id of a remix form, for one picture or for all."""
    return f"remix-form:{generation_id}:{nth}" if nth else f"remix-form:{generation_id}"


def report_form(generation_id: str) -> str:
    """Return the custom id of a report's form."""
    return f"report-form:{generation_id}"
