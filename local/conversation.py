"""A scripted conversation with the bot, and its record; knows Discord, not who is behind it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from local import reading
from local.discord import simulation as sim
from local.discord.world import Seat, World
from local.errors import CannotSay
from local.phrases import (
    field_value,
    find_button,
    find_entry,
    named,
    parse_command,
    parse_fields,
    standing,
)

QUIET = 0.4
"""After a final message, this long nothing more must come, or the turn goes on."""
PROMPT = "prompt"
REST = "~"
"""What a field's id tells besides its name follows this."""


class Outcome(StrEnum):
    """How a turn ended."""

    PICTURE = "picture"
    WORDS = "words"
    FORM = "form"
    NO_ANSWER = "no answer"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class State:
    """One message as it stood at one moment."""

    ms: int
    message: int
    ephemeral: bool
    working: bool
    text: str
    components: Any
    pictures: tuple[reading.Picture, ...]

    def same_as(self, other: "State | None") -> bool:
        """Whether a reader would see no difference."""
        seen = (self.text, self.components, self.pictures, self.working)
        return other is not None and seen == (
            other.text,
            other.components,
            other.pictures,
            other.working,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said, everything that was then seen, and how it ended."""

    said: str
    outcome: Outcome
    ordered: bool
    states: tuple[State, ...]

    @property
    def pictures(self) -> tuple[reading.Picture, ...]:
        """The images that stand in the last state of each message."""
        last = {state.message: state for state in self.states}
        return tuple(picture for state in last.values() for picture in state.pictures)

    @property
    def failed(self) -> bool:
        """Whether a picture was ordered, or an answer due, and did not come."""
        unanswered = self.outcome in (Outcome.NO_ANSWER, Outcome.TIMEOUT)
        return unanswered or (self.ordered and self.outcome is not Outcome.PICTURE)


class Watch:
    """Records how the bot's messages change before one member's eyes, from now on."""

    def __init__(self, world: World, seat: Seat) -> None:
        self._world = world
        self._seat = seat
        self._began = time.monotonic()
        self._last: dict[int, State] = {}
        self._gone: set[int] = set()
        self.states: list[State] = []
        self.look()
        self.states.clear()

    def __enter__(self) -> "Watch":
        self._world.pulse.listeners.append(self.look)
        return self

    def __exit__(self, *_: object) -> None:
        self._world.pulse.listeners.remove(self.look)

    def look(self) -> None:
        """Record each message that looks otherwise than before."""
        visible = self._visible()
        self._gone |= self._last.keys() - {message.id for message in visible}
        for message in visible:
            state = self._state(message)
            if not state.same_as(self._last.get(message.id)):
                self._last[message.id] = state
                self.states.append(state)

    @property
    def final(self) -> bool:
        """Whether something came or went and nothing is being worked on any more."""
        changed = {state.message: state for state in self.states}
        working = any(state.working for state in changed.values())
        return bool(changed or self._gone) and not working

    def _visible(self) -> list[sim.Message]:
        return self._seat.messages() + self._seat.direct_messages()

    def _state(self, message: sim.Message) -> State:
        return State(
            ms=round((time.monotonic() - self._began) * 1000),
            message=message.id,
            ephemeral=reading.is_ephemeral(message),
            working=reading.is_working(message),
            text=reading.words(message),
            components=message.components,
            pictures=tuple(reading.pictures(message, self._seat.backend.cdn)),
        )


@dataclass(slots=True)
class Conversation:
    """One member talking to the bot, line by line."""

    world: World
    seat: Seat
    timeout: float = 120.0
    turns: list[Turn] = field(default_factory=list)
    _form: sim.InteractionResult | None = None

    async def say(self, text: str) -> Turn:
        """Type a command, press a button or fill the open form; wait until the bot has done."""
        with Watch(self.world, self.seat) as watch:
            try:
                shown, prompted = await self._act(text)
            except (sim.SetupError, sim.BackendError) as error:
                raise CannotSay(f"{error}") from None
            outcome = await self._outcome(watch, shown)
            ordered = prompted or any(s.working and not s.ephemeral for s in watch.states)
            turn = Turn(text, outcome, ordered, tuple(watch.states))
        self.turns.append(turn)
        return turn

    async def _act(self, text: str) -> tuple[sim.InteractionResult, bool]:
        form, self._form = self._form, None
        if form is not None:
            values = _filled(form.modal or {}, text)
            prompted = any(name.partition(REST)[0] == PROMPT for name in values)
            return await self.seat.submit(form, values), prompted
        if text.startswith("/"):
            command = parse_command(text, self.seat.commands(), self.seat.people())
            shown = await self.seat.slash(command.name, **command.options)
            grouped = " " in command.name  # those look after something, and order nothing
            return shown, PROMPT in command.options and not grouped
        if (entry := find_entry(text, self.seat.menu())) is not None:
            return await self.seat.context_menu(entry, self._newest_picture()), False
        message, button = self._find_button(text)
        return await self.seat.click(message, button), False

    def _newest_picture(self) -> sim.Message:
        newest_first = reversed(self.seat.messages())
        found = next((one for one in newest_first if one.attachments), None)
        if found is None:
            raise CannotSay("no message has a picture whose menu could be opened.")
        return found

    def _find_button(self, text: str) -> tuple[sim.Message, str]:
        newest_first = [
            (message, buttons)
            for message in reversed(self.seat.messages())
            if (buttons := reading.buttons(message))
        ]
        if not newest_first:
            raise CannotSay(f"no message has a button that could be “{text}”.")
        fitting = (one for one in newest_first if named(text, one[1]))
        message, buttons = next(fitting, newest_first[0])
        return message, find_button(text, buttons).custom_id

    async def _outcome(self, watch: Watch, shown: sim.InteractionResult) -> Outcome:
        if shown.modal is not None:
            self._form = shown
            return Outcome.FORM
        if not shown.acknowledged:
            return Outcome.NO_ANSWER
        if not await self._settled(watch):
            return Outcome.TIMEOUT
        changed = {state.message: state for state in watch.states}
        return Outcome.PICTURE if any(s.pictures for s in changed.values()) else Outcome.WORDS

    async def _settled(self, watch: Watch) -> bool:
        deadline = time.monotonic() + self.timeout
        while (left := deadline - time.monotonic()) > 0:
            if not await self.world.pulse.until(lambda: watch.final, left):
                return False
            await asyncio.sleep(QUIET)
            if watch.final:
                return True
        return False


def _filled(modal: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Fill a form from `label:value` pairs; a field that is not named keeps what stands in it."""
    fields: dict[str, str] = {}
    parts: dict[str, Mapping[str, Any]] = {}
    for part in reading.parts(modal["components"]):
        inner = part.get("component") or part
        if custom_id := inner.get("custom_id"):
            fields |= {custom_id: custom_id, str(part.get("label") or custom_id): custom_id}
            parts[custom_id] = inner
    said = parse_fields(text, fields)
    kept = {name: standing(part) for name, part in parts.items() if name not in said}
    typed = {name: field_value(parts[name], value) for name, value in said.items()}
    return {name: value for name, value in kept.items() if value is not None} | typed
