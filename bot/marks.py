"""The custom ids of buttons: what to do and with which order, never parameters.

Messages live for years, so a form that was ever sent stays readable.
"""

import re

# A button of an action that this version does not know matches too, so that it gets an answer.
PATTERN = r"(?P<action>[a-z]+):(?P<subject>[0-9a-z]+)(?::(?P<page>\d+))?"
REMIX_FORM = re.compile(r"remix-form:(?P<id>[0-9a-z]+)")


def button(action: str, subject: str | int, page: int | None = None) -> str:
    """Return the custom id of a button."""
    return f"{action}:{subject}" if page is None else f"{action}:{subject}:{page}"


def remix_form(generation_id: str) -> str:
    """Return the custom id of a remix form."""
    return f"remix-form:{generation_id}"
