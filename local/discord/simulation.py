"""The private names of simcord 3.2.1 that the local Discord leans on, but for those of its pages.

simcord models Discord's rules inside a test process. Here the same model stands behind a real
wire, so a few of its inner seams are used on purpose. The version is pinned, and
`tests/local/test_simulation.py` fails when one of these seams moves.
"""

import contextvars
import dataclasses
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import discord
from simcord import Env
from simcord._clock import Clock
from simcord._modal import _submit_modal
from simcord.actors import (
    MemberActor,
    _autocomplete,
    _component_click,
    _component_select,
    _dispatch_actor_interaction,
    _resolve_visible_command,
    _slash,
)
from simcord.backend import Backend, serializers
from simcord.backend.access import channel_accessible
from simcord.backend.cdn import CDN_BASE
from simcord.backend.errors import BackendError, OptionError, SetupError
from simcord.backend.models import Interaction, Message, User
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle, UserHandle
from simcord.enums import AppCommandType, InteractionType
from simcord.http import RouteNotImplemented, UnsupportedField
from simcord.http import routes as _routes  # importing it fills the route table
from simcord.http.router import dispatch
from simcord.intents import (
    censor_message,
    missing_privileged_intents,
    prune_guild_create,
    required_intent,
)
from simcord.preview import Preview, _actions
from simcord.results import InteractionResult, ResponseMessage

from local.discord.pulse import Pulse

__all__ = [
    "CDN_BASE",
    "Backend",
    "BackendError",
    "ChannelHandle",
    "GuildHandle",
    "Interaction",
    "InteractionResult",
    "MemberActor",
    "Message",
    "OptionError",
    "Preview",
    "ResponseMessage",
    "RoleHandle",
    "RouteNotImplemented",
    "SetupError",
    "Stage",
    "UnsupportedField",
    "User",
    "UserHandle",
    "WallClock",
    "censor_message",
    "channel_accessible",
    "dispatch",
    "missing_privileged_intents",
    "prune_guild_create",
    "required_intent",
    "serializers",
    "unbind_clicks",
]

ROUTES = _routes
slash = _slash
click = _component_click
select = _component_select
autocomplete = _autocomplete
submit_modal = _submit_modal

_dispatched: contextvars.ContextVar[Interaction | None] = contextvars.ContextVar(
    "dispatched", default=None
)


class WallClock(Clock):  # type: ignore[misc]  # simcord is read without types
    """Real time, which a test may skip ahead; frozen while the world is being built.

    Snowflakes carry the time. Building the same world at one frozen instant gives its members
    and channels the same ids in every run, so what SQL remembers of them stays true.
    """

    def __init__(self, frozen_at: datetime) -> None:
        super().__init__()
        self._frozen: datetime | None = frozen_at

    def start(self) -> None:
        """Let time pass from now on."""
        self._frozen = None

    def now(self) -> datetime:
        """Return the frozen instant, or the wall clock plus what was skipped."""
        return self._frozen or datetime.now(UTC) + timedelta(seconds=self.elapsed)


class Stage(Env):  # type: ignore[misc]
    """One channel's environment with no bot inside: the bot is a process beyond the wire.

    simcord settles by watching the bot's tasks. Here settling means waiting until the bot has
    acknowledged the interaction, or until Discord's three seconds are over.
    """

    def __init__(self, backend: Backend, pulse: Pulse, ack_seconds: float) -> None:
        super().__init__(discord.Client(intents=discord.Intents(guilds=True)), check_errors=False)
        self.backend = backend
        self._pulse = pulse
        self._ack_seconds = ack_seconds
        self._started = True
        self._generation = 1  # the pages count generations from one

    def _begin_operation(self, label: str) -> None:
        """Let several members act at once, as they do on Discord."""

    def _end_operation(self) -> None:
        """Nothing was begun."""

    def _mark_mutation(self) -> None:
        if self._preview is not None:
            self._preview._mark_action_dispatched()

    def _notify_dispatch_observers(self, interaction: Interaction) -> None:
        super()._notify_dispatch_observers(interaction)
        interaction.initial_response_deadline = self.backend.iso_after(self._ack_seconds)
        _dispatched.set(interaction)

    async def _settle_internal(self, *, dispatch: str | None = None, **_: Any) -> None:
        record = _dispatched.get()
        if dispatch == "INTERACTION_CREATE" and record is not None:
            await self._pulse.until(lambda: record.responded, self._ack_seconds)


async def use_menu(
    actor: MemberActor | UserHandle, channel: ChannelHandle, name: str, message: Message
) -> InteractionResult:
    """Choose an app's entry in the menu of a message; simcord itself knows no inboxes."""
    env = actor._env
    if isinstance(actor, MemberActor):
        return await actor.context_menu(channel, name, ResponseMessage(env, message))
    kind = AppCommandType.MESSAGE
    root = _resolve_visible_command(actor, channel.id, name, kind)
    told = dict(serializers.message_payload(env.backend, message))
    data = {
        "id": root["id"],
        "name": root["name"],
        "type": kind,
        "target_id": str(message.id),
        "resolved": {"messages": {str(message.id): told}},
    }
    return await _dispatch_actor_interaction(
        actor, InteractionType.APPLICATION_COMMAND, channel, data
    )


def unbind_clicks() -> None:
    """Accept a click made on a page that a progress edit has just replaced.

    The stock pages refuse any action that was aimed at an older revision. While a picture is being
    made the message changes every second, so most honest clicks would be refused.
    """
    specs = {
        kind: dataclasses.replace(spec, revision_bound=False)
        for kind, spec in _actions.ACTION_SPECS.items()
    }
    _actions.ACTION_SPECS = MappingProxyType(specs)
