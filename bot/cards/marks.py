"""The custom ids of buttons: what to do and with which order; of a list, its page and its search.

Messages live for years, so a form that was ever sent stays readable.
"""

import re

LIMIT = 100
"""Discord's limit for a custom id."""
# A button of an action that this version does not know matches too, so that it gets an answer.
PATTERN = r"(?P<action>[a-z]+):(?P<subject>[0-9a-z]+)(?::(?P<page>\d+))?(?:~(?P<tail>[\s\S]*))?"
REMIX_FORM = re.compile(r"remix-form:(?P<id>[0-9a-z]+)(?::(?P<nth>\d+))?")
REPORT_FORM = re.compile(r"report-form:(?P<id>[0-9a-z]+)")


def button(
    action: str, subject: str | int, page: int | None = None, tail: str | None = None
) -> str:
    """Return the custom id of a button; `tail` is any text, what is too long of it is cut."""
    mark = f"{action}:{subject}" if page is None else f"{action}:{subject}:{page}"
    return mark if tail is None else f"{mark}~{tail}"[:LIMIT]


def tail_of(custom_id: str) -> str:
    """Return the text behind a button's mark."""
    return custom_id.partition("~")[2]


def remix_form(generation_id: str, nth: int = 0) -> str:
    """Return the custom id of a remix form, for one picture or for all."""
    return f"remix-form:{generation_id}:{nth}" if nth else f"remix-form:{generation_id}"


def report_form(generation_id: str) -> str:
    """Return the custom id of a report's form."""
    return f"report-form:{generation_id}"
