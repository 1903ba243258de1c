"""What the Discord side refuses by itself.

RerollError
├── RequestRefused
│   ├── SizeUnreadable      the size is neither a name nor width and height
│   └── PressOutdated       the button belongs to an older version
└── Unexpected              our own mistake; the log has the rest under `reference`
"""

from engine.errors import RequestRefused, RerollError


class SizeUnreadable(RequestRefused):
    """Neither a preset's name nor like 96x128. Params: value, choices (comma-separated)."""

    code = "size_unreadable"


class PressOutdated(RequestRefused):
    """The button or form is of a version that this one does not know."""

    code = "press_outdated"


class Unexpected(RerollError):
    """A mistake of ours. Params: reference (stands in the log)."""

    code = "internal"
