"""The REST side: HTTP in, simcord's route table behind; knows no socket and no event."""

import io
import json
import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from local.discord import gaps
from local.discord import simulation as sim
from local.discord.limits import Buckets, Rates
from local.discord.world import World

log = logging.getLogger(__name__)

PREFIX = "/api/v10"
KEPT_REQUESTS = 5_000
OPEN_ROUTES = re.compile(r"/(interactions|webhooks)/\d+/[^/]+")
MESSAGES = re.compile(r"/channels/\d+/messages")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a multipart request, in the shape that simcord reads."""

    fp: io.BytesIO
    filename: str
    description: str | None

    @property
    def size(self) -> int:
        """How many bytes came."""
        return self.fp.getbuffer().nbytes


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as the bot sent it, and the status it was answered with."""

    method: str
    path: str
    body: Any
    files: tuple[str, ...]
    status: int


class Rest:
    """Answers the bot's requests."""

    def __init__(self, world: World, token: str, base_url: str, rates: Rates) -> None:
        self.shards = 1
        """How many connections the bot is told to open."""
        self._world = world
        self._token = token
        self._base_url = base_url
        self._buckets = Buckets(rates)
        self._nonces = gaps.Nonces()
        self.requests: deque[WireRequest] = deque(maxlen=KEPT_REQUESTS)
        self.observers: list[Callable[[WireRequest], None]] = []
        self.unknown: list[str] = []

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request, tell the observers, and ring when something may have changed."""
        path = request.path.removeprefix(PREFIX)
        body, files = await self._read(request)
        answer = self._answer(request, path, body, files)
        names = tuple(file.filename for file in files)
        seen = WireRequest(request.method, path, body, names, answer.status)
        self.requests.append(seen)
        for observer in self.observers:
            observer(seen)
        if request.method != "GET":
            self._world.pulse.ring()
        return answer

    async def serve_file(self, request: web.Request) -> web.Response:
        """Hand out an attachment."""
        data = self._world.backend.cdn.get(sim.CDN_BASE + request.path.removeprefix("/cdn"))
        return web.Response(status=404) if data is None else web.Response(body=data)

    def _answer(
        self, request: web.Request, path: str, body: Any, files: list[Upload]
    ) -> web.Response:
        if not self._authorised(request, path):
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        verdict = self._buckets.take(request.method, path)
        if verdict is not None and verdict.refused:
            wait = round(verdict.reset_after, 3)
            limited = {
                "message": "You are being rate limited.",
                "retry_after": wait,
                "global": False,
            }
            return _json(limited, 429, verdict.headers)
        status, result = self._result(request, path, body, files)
        text = json.dumps(gaps.answer(self._world, result))
        text = text.replace(sim.CDN_BASE, f"{self._base_url}/cdn")
        return _json(
            text if result is not None else None, status, verdict.headers if verdict else None
        )

    def _result(
        self, request: web.Request, path: str, body: Any, files: list[Upload]
    ) -> tuple[int, Any]:
        try:
            result = self._dispatch(request, path, body, files)
        except (sim.RouteNotImplemented, sim.UnsupportedField) as gap:
            # 501 would make discord.py retry for half a minute; the list fails the tests instead.
            log.error("the local Discord lacks something: %s", gap.message)
            self.unknown.append(gap.message)
            return 400, gap.to_json()
        except sim.BackendError as refusal:
            return refusal.status, refusal.to_json()
        except (KeyError, TypeError, ValueError) as malformed:
            return 400, {"code": 50035, "message": f"Invalid Form Body: {malformed}"}
        return (204 if result is None else 200), result

    def _dispatch(self, request: web.Request, path: str, body: Any, files: list[Upload]) -> Any:
        if path in ("/gateway", "/gateway/bot"):
            return self._gateway()
        gaps.check_upload(self._world, [file.size for file in files])
        posts = request.method == "POST" and MESSAGES.fullmatch(path) is not None
        repeated = self._nonces.repeated(path, body) if posts else None
        method, path = ("GET", f"{path}/{repeated}") if repeated else (request.method, path)
        result = sim.dispatch(
            self._world.backend,
            method,
            path,
            json=body,
            params=dict(request.query),
            files=files,
            reason=request.headers.get("X-Audit-Log-Reason"),
        )
        if (method, path) == ("GET", "/users/@me/guilds"):
            return gaps.servers(self._world, result)
        if (method, path) == ("GET", "/oauth2/applications/@me"):
            return gaps.application(self._world, result)
        if posts and not repeated:
            self._nonces.remember(path, body, result)
        return result

    def _authorised(self, request: web.Request, path: str) -> bool:
        known = request.headers.get("Authorization") == f"Bot {self._token}"
        return known or OPEN_ROUTES.match(path) is not None

    def _gateway(self) -> dict[str, Any]:
        starts = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        url = self._base_url.replace("http://", "ws://") + "/gateway"
        return {"url": url, "shards": self.shards, "session_start_limit": starts}

    async def _read(self, request: web.Request) -> tuple[Any, list[Upload]]:
        if not request.content_type.startswith("multipart/"):
            text = await request.text()
            return self._parse(text) if text else None, []
        body: Any = None
        parts: list[tuple[str, str, bytes]] = []
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise web.HTTPBadRequest
            data = bytes(await part.read())
            if part.name == "payload_json":
                body = self._parse(data.decode())
            else:
                parts.append((str(part.name), str(part.filename), data))
        return body, _uploads(body, parts)

    def _parse(self, text: str) -> Any:
        return json.loads(text.replace(f"{self._base_url}/cdn", sim.CDN_BASE))


def _uploads(body: Any, parts: list[tuple[str, str, bytes]]) -> list[Upload]:
    payload = body.get("data", body) if isinstance(body, dict) else {}
    described = {str(item["id"]): item for item in payload.get("attachments") or []}
    uploads = {}
    for field, filename, data in parts:
        index = field.removeprefix("files[").removesuffix("]")
        about = described.get(index, {})
        uploads[int(index)] = Upload(io.BytesIO(data), filename, about.get("description"))
    return [uploads[index] for index in sorted(uploads)]


def _json(payload: Any, status: int, headers: dict[str, str] | None = None) -> web.Response:
    # discord.py compares the content type with this very string; a charset would break its login.
    text = payload if isinstance(payload, str) or payload is None else json.dumps(payload)
    answer = web.Response(status=status, body=text.encode() if text else None, headers=headers)
    if text:
        answer.headers["Content-Type"] = "application/json"
    return answer
