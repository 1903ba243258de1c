"""What can go wrong while the starter is made.

StarterError
├── FontMissingError    the colour emoji font that the scenes are drawn from is not installed
├── StageMissingError   a stage was asked for before the stages it builds on were run
└── TooLargeError       the folder to ship outgrew its limit
"""

from pathlib import Path


class StarterError(Exception):
    """Base of the starter's errors."""


class FontMissingError(StarterError):
    """The emoji font is absent; training needs it, using the weights does not."""

    def __init__(self, font: Path) -> None:
        self.font = font
        super().__init__(
            f"No colour emoji font at {font}. Install the Debian package fonts-noto-color-emoji "
            "or pass --font; it is needed for training and evaluation only."
        )


class StageMissingError(StarterError):
    """A stage needs what an earlier stage leaves behind."""

    def __init__(self, missing: Path) -> None:
        self.missing = missing
        super().__init__(f"{missing} does not exist yet: run the earlier stages first.")


class TooLargeError(StarterError):
    """The weights would not fit in what may be shipped."""

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(f"The weights take {size} bytes; at most {limit} may be shipped.")
