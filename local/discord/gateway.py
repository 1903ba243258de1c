"""The gateway: websocket sessions that can be resumed; knows the events, not what causes them."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import discord
from aiohttp import WSMsgType, web

from local.discord import gaps
from local.discord import simulation as sim
from local.discord.world import World

HEARTBEAT_MS = 41_250
ACK_DELAY = 0.005
"""An ack within the same millisecond makes discord.py compute nonsense and warn about its loop."""
KEPT_EVENTS = 1_000
KEPT_SESSIONS = 20


class Op(IntEnum):
    """The opcodes that are spoken here."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(IntEnum):
    """The close codes that are used here."""

    RESTART = 1012
    UNKNOWN = 4000
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    DISALLOWED_INTENTS = 4014


class Line:
    """One open websocket, written to in order by a task of its own."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self.writer = asyncio.create_task(self._write())

    def send(
        self, op: Op, data: Any = None, *, name: str | None = None, seq: int | None = None
    ) -> None:
        """Queue one frame; text frames, since discord.py reads them as well as compressed ones."""
        self._queue.put_nowait(json.dumps({"op": op, "d": data, "t": name, "s": seq}))

    def forward(self, frame: str) -> None:
        """Queue a frame that was kept for a resume."""
        self._queue.put_nowait(frame)

    def close(self, code: int) -> None:
        """Close after all that is queued."""
        self._queue.put_nowait(code)

    async def _write(self) -> None:
        while isinstance(item := await self._queue.get(), str):
            if not self.socket.closed:
                await self.socket.send_str(item)
        await self.socket.close(code=item)


@dataclass(slots=True)
class Session:
    """What one identify has begun, and what is kept for its resume."""

    id: str
    intents: discord.Intents
    shard: tuple[int, int]
    line: Line | None
    sequence: int = 0
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))

    def push(self, name: str, data: Any, rewrite: tuple[str, str]) -> None:
        """Number an event, keep it, and send it if the line is up."""
        self.sequence += 1
        frame = json.dumps({"op": Op.DISPATCH, "d": data, "t": name, "s": self.sequence})
        frame = frame.replace(*rewrite)
        self.kept.append((self.sequence, frame))
        if self.line is not None:
            self.line.forward(frame)

    def owns(self, guild_id: int) -> bool:
        """Whether this shard speaks for a server; shard 0 speaks for direct messages."""
        shard, count = self.shard
        return (guild_id >> 22) % count == shard


class Gateway:
    """Carries what happens in the world to the bots that have identified."""

    def __init__(self, world: World, token: str, base_url: str) -> None:
        self._world = world
        self._token = token
        self._base_url = base_url
        self._sessions: dict[str, Session] = {}
        self.resumes = 0
        world.backend.subscribers.append(self.publish)

    @property
    def url(self) -> str:
        """Where a bot opens its websocket."""
        return self._base_url.replace("http://", "ws://") + "/gateway"

    @property
    def connected(self) -> int:
        """How many sessions have a line."""
        return sum(session.line is not None for session in self._sessions.values())

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one websocket from hello to its end."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        line = Line(socket)
        line.send(Op.HELLO, {"heartbeat_interval": HEARTBEAT_MS})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(line, json.loads(message.data))
        finally:
            line.writer.cancel()
            for session in self._sessions.values():
                session.line = None if session.line is line else session.line
        return socket

    def publish(self, name: str, payload: Mapping[str, Any]) -> None:
        """Send an event to each session whose shard and intents it belongs to."""
        for session in self._sessions.values():
            gate = sim.required_intent(name, payload)
            if gate is not None and not getattr(session.intents, gate):
                continue
            if session.owns(_guild_of(name, payload)):
                self._push(session, name, payload)

    def drop(self, code: int = Close.UNKNOWN) -> None:
        """Close every line, as a broken network or Discord itself would."""
        for session in self._sessions.values():
            if session.line is not None:
                session.line.close(code)

    def ask_to_reconnect(self) -> None:
        """Send every bot op 7."""
        for session in self._sessions.values():
            if session.line is not None:
                session.line.send(Op.RECONNECT)

    async def _receive(self, line: Line, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case Op.HEARTBEAT:
                await asyncio.sleep(ACK_DELAY)
                line.send(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY:
                self._identify(line, frame["d"])
            case Op.RESUME:
                self._resume(line, frame["d"])

    def _identify(self, line: Line, data: dict[str, Any]) -> None:
        intents = discord.Intents.none()
        intents.value = int(data["intents"])
        if data["token"] != self._token:
            return line.close(Close.AUTHENTICATION_FAILED)
        if sim.missing_privileged_intents(intents, discord.Intents.none()):
            return line.close(Close.DISALLOWED_INTENTS)
        shard, count = data.get("shard") or (0, 1)
        session = Session(secrets.token_hex(16), intents, (shard, count), line)
        self._forget_old_sessions()
        self._sessions[session.id] = session
        self._greet(session)
        return None

    def _greet(self, session: Session) -> None:
        backend = self._world.backend
        guilds = [guild for guild in backend.guilds.values() if session.owns(guild.id)]
        ready = {
            "v": 10,
            "user": dict(sim.serializers.user_payload(backend.bot_user)),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": list(session.shard),
            "application": {"id": str(backend.application_id), "flags": 0},
        }
        session.push("READY", ready, self._rewrite)
        for guild in guilds:
            payload: dict[str, Any] = dict(sim.serializers.guild_create_payload(backend, guild))
            sim.prune_guild_create(payload, session.intents, backend.bot_user.id)
            session.push("GUILD_CREATE", gaps.answer(self._world, payload), self._rewrite)

    def _resume(self, line: Line, data: dict[str, Any]) -> None:
        session = self._sessions.get(data["session_id"])
        if session is None or data["token"] != self._token:
            return line.send(Op.INVALID_SESSION, False)
        session.line = line
        self.resumes += 1
        for number, frame in session.kept:
            if number > data["seq"]:
                line.forward(frame)
        session.push("RESUMED", {}, self._rewrite)
        return None

    def _push(self, session: Session, name: str, payload: Mapping[str, Any]) -> None:
        sent = gaps.event(self._world, name, payload)
        bot = self._world.backend.bot_user.id
        if name.startswith("MESSAGE_") and not session.intents.message_content:
            sim.censor_message(sent, bot, backend=self._world.backend)
        if name == "GUILD_CREATE":
            sim.prune_guild_create(sent, session.intents, bot)
        session.push(name, sent, self._rewrite)

    @property
    def _rewrite(self) -> tuple[str, str]:
        return sim.CDN_BASE, f"{self._base_url}/cdn"

    def _forget_old_sessions(self) -> None:
        dead = [key for key, session in self._sessions.items() if session.line is None]
        for key in dead[: max(0, len(dead) - KEPT_SESSIONS)]:
            del self._sessions[key]


def _guild_of(name: str, payload: Mapping[str, Any]) -> int:
    own = payload.get("id") if name.startswith("GUILD_") else None
    return int(payload.get("guild_id") or own or 0)
