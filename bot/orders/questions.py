"""Questions that stand between a command and its order, kept until one of their buttons is pressed.

In memory only: after a restart, or when Discord takes no more edits, the command is typed again.
It must not know what is asked.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot.errors import QuestionAnswered, QuestionExpired

if TYPE_CHECKING:
    from bot.orders.placing import Wish

STANDS = timedelta(minutes=14)
"""As long as the asking message can be taken away, with a minute to spare."""
MOST_KEPT = 1_000
MOST_BYTES = 256 * 2**20
"""Of pictures that wait with their questions: the oldest questions go first."""


class Asked(Protocol):
    """The interaction that was answered by asking, or whatever else can take the question away."""

    async def delete_original_response(self) -> None:
        """Take it away."""


@dataclass(frozen=True, slots=True)
class Question:
    """What can be taken away once it is answered, since when, and what each button orders.

    `size` is the bytes of the pictures that it holds.
    """

    asked: Asked
    at: datetime
    wishes: Mapping[str, Callable[[], Awaitable["Wish"]]]
    size: int = 0


class Questions:
    """Hands each question to one press only, so that a double click orders once."""

    def __init__(self) -> None:
        self._open: dict[str, Question | None] = {}

    def keep(self, question: Question) -> str:
        """Remember a question; return the key that its buttons carry."""
        key = secrets.token_hex(8)
        self._open[key] = question
        while len(self._open) > 1 and self._is_too_much():
            del self._open[next(iter(self._open))]
        return key

    def take(self, key: str, now: datetime) -> Question:
        """Return a question, to this caller alone. Raises QuestionAnswered or QuestionExpired."""
        if key not in self._open:
            raise QuestionExpired
        question = self._open[key]
        if question is None:
            raise QuestionAnswered
        if now - question.at > STANDS:
            del self._open[key]
            raise QuestionExpired
        # What it holds is let go; that there was an answer stays known.
        self._open[key] = None
        return question

    def _is_too_much(self) -> bool:
        held = sum(question.size for question in self._open.values() if question)
        return len(self._open) > MOST_KEPT or held > MOST_BYTES

    def put_back(self, key: str, question: Question) -> None:
        """Let a question be answered again: nothing came of the press."""
        self._open[key] = question
