"""The simulated server: its members, channels, clock and messages; knows no wire and no browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import discord

from local.discord import simulation as sim
from local.discord.localised import localised
from local.discord.pulse import Pulse
from local.errors import NobodyThere

FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)
"""Every run builds the world at this instant, so that ids stay the same from run to run."""

DISCORD_ACK_SECONDS = 3.0
SLASH, MESSAGE_MENU = 1, 3
"""Discord's numbers for commands that are typed, and that stand in the menu of a message."""
DEFAULT_UPLOAD_LIMIT = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Person:
    """A member who exists only in the simulation."""

    handle: str
    name: str
    locale: str
    moderator: bool = False
    supporter: bool = False
    owner: bool = False
    """Whether the server and the bot itself are theirs; one at most."""


@dataclass(frozen=True, slots=True)
class Room:
    """A text channel; a private one is there for moderators and for the bot."""

    name: str
    age_restricted: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """Those who look at one channel."""

    stage: sim.Stage
    channel: sim.ChannelHandle
    viewers: Sequence[sim.MemberActor | sim.UserHandle]


CAST = (
    Person("alex", "Alex", "en-US", supporter=True),
    Person("xiaoman", "小满", "zh-CN", supporter=True),
    Person("azhe", "阿哲", "zh-TW"),
    Person("morgan", "Morgan", "en-US", moderator=True),
    Person("robin", "Robin", "en-US", owner=True),
)
ROOMS = (Room("studio"), Room("after-dark", age_restricted=True), Room("mods", private=True))
MODERATOR, SUPPORTER = "Moderator", "Supporter"


class MemberBackend(sim.Backend):  # type: ignore[misc]
    """simcord's model of Discord, in which each member sees command names in their language."""

    def __init__(self, clock: sim.WallClock) -> None:
        super().__init__(clock=clock)
        self.locales: dict[int, str] = {}

    def visible_commands(
        self, *, user_id: int, channel_id: int, type: int = 1
    ) -> list[dict[str, Any]]:
        """List what this member may run here, as their own client writes it."""
        commands = self.plain_commands(user_id=user_id, channel_id=channel_id, type=type)
        return [localised(command, self.locales.get(user_id, "en-US")) for command in commands]

    def plain_commands(
        self, *, user_id: int, channel_id: int, type: int = 1
    ) -> list[dict[str, Any]]:
        """List what this member may run here, under the names that the bot registered."""
        return list(super().visible_commands(user_id=user_id, channel_id=channel_id, type=type))


class World:
    """One server with its members, built alike in every run."""

    def __init__(
        self,
        cast: Sequence[Person] = CAST,
        rooms: Sequence[Room] = ROOMS,
        *,
        ack_seconds: float = DISCORD_ACK_SECONDS,
    ) -> None:
        self.clock = sim.WallClock(FOUNDED)
        self.pulse = Pulse()
        self.backend = MemberBackend(self.clock)
        self.ack_seconds = ack_seconds
        self.upload_limit = DEFAULT_UPLOAD_LIMIT
        self.users: dict[str, sim.User] = {}
        self.host: str | None = None
        """Who owns the server and the bot."""
        self._build(cast, rooms)
        self.clock.start()

    def _build(self, cast: Sequence[Person], rooms: Sequence[Room]) -> None:
        self.backend.bot_user.name = "Reroll"
        self._setup = self._stage()
        self.guild = self._setup.create_guild("Reroll on this machine")
        manage = discord.Permissions(manage_guild=True, manage_messages=True, manage_channels=True)
        moderators = self.guild.create_role(MODERATOR, permissions=manage)
        public = [room for room in rooms if not room.private]
        self.channels = {room.name: self.guild.create_text_channel(room.name) for room in public}
        self.age_restricted = {
            self.channels[room.name].id for room in public if room.age_restricted
        }
        for person in cast:
            self._join(person, [moderators] if person.moderator else [])
        # What came later stands last, so that everything before it keeps its id.
        self._support(person for person in cast if person.supporter)
        closed = self._closed(moderators)
        for room in rooms:
            if room.private:
                made = self.guild.create_text_channel(room.name, overwrites=closed)
                self.channels[room.name] = made

    def _join(self, person: Person, roles: list[sim.RoleHandle]) -> None:
        if person.owner:
            handle = self.guild.owner
            user = self.backend.get_user(handle.id)
            user.name, user.global_name = person.handle, person.name
            self.host = person.name
        else:
            handle = self._setup.create_user(person.handle, global_name=person.name)
            self.guild.add_member(handle, roles=roles)
        self.users[person.name] = self.backend.get_user(handle.id)
        self.backend.locales[handle.id] = person.locale

    def _support(self, supporters: Iterable[Person]) -> None:
        role = self.guild.create_role(SUPPORTER)
        for person in supporters:
            member = self.users[person.name].id
            self.backend.add_member_role(self.guild.id, member, role.id)

    def _closed(self, moderators: sim.RoleHandle) -> dict[Any, discord.PermissionOverwrite]:
        seen, unseen = (discord.PermissionOverwrite(view_channel=one) for one in (True, False))
        bot = sim.UserHandle(self._setup, self.backend.bot_user)
        return {self.guild.default_role: unseen, moderators: seen, bot: seen}

    def _stage(self) -> sim.Stage:
        return sim.Stage(self.backend, self.pulse, self.ack_seconds)

    def locale_of(self, user_id: int) -> str:
        """Return the language that a member's client is set to."""
        return self.backend.locales.get(user_id, "en-US")

    def set_locale(self, name: str, locale: str) -> None:
        """Let a member switch the language of their client. Raises NobodyThere."""
        languages = [language.value for language in discord.Locale]
        if locale not in languages:
            raise NobodyThere(locale, languages)
        self.backend.locales[self.seat(name).actor.id] = locale

    def skip(self, seconds: float) -> None:
        """Let time pass at once, so that interaction tokens expire."""
        self.clock.advance(seconds)
        self.pulse.ring()

    def seat(self, name: str, channel: str | None = "studio") -> "Seat":
        """Place a member before a channel; None is their direct messages. Raises NobodyThere."""
        if name not in self.users:
            raise NobodyThere(name, self.users)
        stage = self._stage()
        user = sim.UserHandle(stage, self.users[name])
        if channel is None:
            return Seat(stage, user, user.dm_channel)
        guild = sim.GuildHandle(stage, self.backend.get_guild(self.guild.id))
        room = self.backend.get_channel(self.channels[channel].id)
        return Seat(
            stage, sim.MemberActor(stage, guild, user), sim.ChannelHandle(stage, guild, room)
        )

    def bench(self, channel: str) -> Bench:
        """Place all who may look into one channel before it, for a page that switches between."""
        stage = self._stage()
        guild = sim.GuildHandle(stage, self.backend.get_guild(self.guild.id))
        room = self.backend.get_channel(self.channels[channel].id)
        actors = [
            sim.MemberActor(stage, guild, sim.UserHandle(stage, user))
            for user in self.users.values()
            if sim.channel_accessible(self.backend, room.id, user.id)
        ]
        return Bench(stage, sim.ChannelHandle(stage, guild, room), actors)

    def letters(self, name: str) -> Bench:
        """Place one member before their direct messages with the bot."""
        stage = self._stage()
        user = sim.UserHandle(stage, self.users[name])
        return Bench(stage, user.dm_channel, [user])


class Seat:
    """One member looking at one channel: what they can do there and what they see."""

    def __init__(
        self,
        stage: sim.Stage,
        actor: sim.MemberActor | sim.UserHandle,
        channel: sim.ChannelHandle,
    ) -> None:
        self._stage = stage
        self.actor = actor
        self.channel = channel

    @property
    def backend(self) -> MemberBackend:
        """The model that this member acts in."""
        backend = self._stage.backend
        assert isinstance(backend, MemberBackend)
        return backend

    def commands(self) -> list[dict[str, Any]]:
        """List the commands that this member may run here, in all their languages."""
        return self.backend.plain_commands(user_id=self.actor.id, channel_id=self.channel.id)

    def menu(self) -> list[dict[str, Any]]:
        """List what apps offer this member in the menu of a message, in all their languages."""
        return self.backend.plain_commands(
            user_id=self.actor.id, channel_id=self.channel.id, type=MESSAGE_MENU
        )

    async def slash(self, name: str, /, **options: Any) -> sim.InteractionResult:
        """Run a command and wait until the bot has acknowledged it."""
        return await sim.slash(self.actor, self.channel, name, options)

    async def autocomplete(
        self, name: str, option: str, typed: str, /, **filled: Any
    ) -> list[dict[str, Any]]:
        """Type into an option and return what the bot offers."""
        return list(await sim.autocomplete(self.actor, self.channel, name, option, typed, filled))

    async def context_menu(self, name: str, message: sim.Message) -> sim.InteractionResult:
        """Choose an app's entry in the menu of a message."""
        return await sim.use_menu(self.actor, self.channel, name, message)

    async def click(self, message: sim.Message, custom_id: str) -> sim.InteractionResult:
        """Press a button and wait until the bot has acknowledged it."""
        target = sim.ResponseMessage(self._stage, message)
        return await sim.click(self.actor, target, label=None, custom_id=custom_id)

    async def select(
        self, message: sim.Message, custom_id: str, values: Sequence[Any]
    ) -> sim.InteractionResult:
        """Choose from a menu and wait until the bot has acknowledged it."""
        target = sim.ResponseMessage(self._stage, message)
        return await sim.select(self.actor, target, values, custom_id=custom_id)

    async def submit(
        self, shown: sim.InteractionResult, values: dict[str, Any]
    ) -> sim.InteractionResult:
        """Send the form that the bot has opened."""
        return await sim.submit_modal(self.actor, shown, values)

    @property
    def name(self) -> str:
        """What the member is called."""
        return self.backend.get_user(self.actor.id).global_name or ""

    def people(self) -> dict[str, Any]:
        """Who and what can be named in an option here: `@member`, `@role` and `#channel`."""
        if not isinstance(self.actor, sim.MemberActor):
            return {}
        guild, known = self.actor.guild, {}
        for user_id in guild.member_ids():
            user = sim.UserHandle(self._stage, self.backend.get_user(user_id))
            known[f"@{user.global_name or user.name}"] = sim.MemberActor(self._stage, guild, user)
        roles = {f"@{name}": role for name, role in guild.roles.items()}
        return known | roles | {f"#{name}": room for name, room in guild.channels.items()}

    def messages(self) -> list[sim.Message]:
        """List the bot's messages that this member sees here, oldest first."""
        return self._messages(self.channel.id)

    def direct_messages(self) -> list[sim.Message]:
        """List what the bot has written to this member alone."""
        return self._messages(self.backend.dm_channels.get(self.actor.id, 0))

    def _messages(self, channel_id: int) -> list[sim.Message]:
        stored = self.backend.messages.get(channel_id, {}).values()
        return sorted(
            (
                message
                for message in stored
                if message.author_id == self.backend.bot_user.id
                and message.visible_to(self.actor.id)
            ),
            key=lambda message: message.id,
        )
