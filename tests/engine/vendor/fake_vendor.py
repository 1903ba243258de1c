"""A vendor of pictures on loopback: a real HTTP server with the routes and rules of the API.

The rules are a small copy of the vendor's OpenAPI file, which another test compares where that
file is there. `faults` are put in by the test: what happens to the n-th call of a kind.
"""

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiohttp import web
from PIL import Image

KEY = "sk-secret-0123456789"
COST = 3.5

SIDES = {"width": (64, None, 1), "height": (64, None, 1)}
SIDES_OF_32 = {"width": (256, 1440, 32), "height": (256, 1440, 32)}
FLUX2 = ("prompt", "seed", "width", "height", "safety_tolerance", "output_format")
FLUX1 = (*FLUX2, "prompt_upsampling")
TOOL = (
    *("prompt", "image", "steps", "guidance", "seed"),
    *("prompt_upsampling", "output_format", "safety_tolerance"),
)
BORDERS = ("top", "bottom", "left", "right")
PICTURE_BYTES = 20_000_000
"""The vendor's help: a picture may have 20 MB or 20 megapixels."""
ALL_PIXELS = 9_000_000
"""Its guide to FLUX.2: of all references and what is drawn of them."""


def references(most: int) -> tuple[str, ...]:
    """Return the fields of `most` references."""
    return ("input_image", *(f"input_image_{number}" for number in range(2, most + 1)))


@dataclass(frozen=True)
class Rule:
    """What an endpoint takes: names, and (least, most, multiple of) for numbers."""

    schema: str
    takes: tuple[str, ...]
    bounds: dict[str, tuple[float, float | None, int]]
    needs: tuple[str, ...] = ("prompt",)


KLEIN = Rule("Flux2KleinInputs", (*FLUX2, *references(4)), {**SIDES, "safety_tolerance": (0, 5, 1)})
PRO = Rule("Flux2Inputs", (*FLUX2, *references(8), "disable_pup"), KLEIN.bounds)
KONTEXT = Rule(
    "FluxKontextProInputs",
    ("aspect_ratio", *references(4), *(name for name in FLUX1 if name not in SIDES)),
    {"safety_tolerance": (0, 6, 1)},
)
TOOL_BOUNDS: dict[str, tuple[float, float | None, int]] = {
    "steps": (15, 50, 1),
    "guidance": (1.5, 100, 0),
    "safety_tolerance": (0, 6, 1),
}
RULES = {
    "flux-2-klein-4b": KLEIN,
    "flux-2-klein-9b": KLEIN,
    "flux-2-pro": PRO,
    "flux-2-max": PRO,
    "flux-2-flex": Rule(
        "Flux2FlexInputs",
        (*FLUX1, *references(8), "steps", "guidance"),
        {**KLEIN.bounds, "steps": (1, 50, 1), "guidance": (1.5, 10, 0)},
    ),
    "flux-pro-1.1": Rule("FluxPro11Inputs", FLUX1, {**SIDES_OF_32, "safety_tolerance": (0, 6, 1)}),
    "flux-dev": Rule(
        "FluxDevInputs",
        (*FLUX1, "steps", "guidance"),
        {
            **SIDES_OF_32,
            "safety_tolerance": (0, 6, 1),
            "steps": (1, 50, 1),
            "guidance": (1.5, 5, 0),
        },
    ),
    "flux-pro-1.1-ultra": Rule(
        "FluxUltraInput",
        ("aspect_ratio", "raw", *(name for name in FLUX1 if name not in SIDES)),
        {"safety_tolerance": (0, 6, 1)},
    ),
    "flux-kontext-pro": KONTEXT,
    "flux-kontext-max": KONTEXT,
    "flux-pro-1.0-fill": Rule("FluxProFillInputs", (*TOOL, "mask"), TOOL_BOUNDS, ("image",)),
    "flux-pro-1.0-expand": Rule(
        "FluxProExpandInputs",
        (*TOOL, *BORDERS),
        {**TOOL_BOUNDS, **dict.fromkeys(BORDERS, (0, 2048, 1))},
        ("image",),
    ),
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def png(size: tuple[int, int] = (64, 64), seed: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (seed % 256, 40, 90)).save(file, "PNG")
    return file.getvalue()


def picture(text: str) -> Image.Image:
    """Return the picture that a body holds as base64."""
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"])


def says(status: int, body: Any = None, **headers: str) -> Answer:
    """Answer with a status and a body: bytes as they are, else JSON."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=content, headers=kind | named)

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport
    request.transport.abort()
    return web.Response()


async def hangs(_request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(60)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    """Send a picture that does not end."""
    response = web.StreamResponse(headers={"content-type": "image/png"})
    await response.prepare(request)
    while True:
        await response.write(b"\0" * 2**16)


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Promise more than comes."""
    response = web.StreamResponse(headers={"content-type": "image/png", "content-length": "100000"})
    await response.prepare(request)
    await response.write(png()[:40])
    assert request.transport
    request.transport.abort()
    return response


@dataclass
class Seen:
    """One request that reached the server."""

    method: str
    host: str
    path: str
    key: str | None


@dataclass
class FakeVendor:
    """Draws one colour per seed after `polls` looks, unless a fault comes first."""

    polls: int = 1
    submits: list[Answer] = field(default_factory=list)
    looks: list[Answer] = field(default_factory=list)
    downloads: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    most_active: dict[str, int] = field(default_factory=dict)
    polling_host: str = "https://api.eu2.bfl.ai"
    delivery_host: str = "https://delivery-eu2.bfl.ai"
    port: int = 0

    async def start(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/{endpoint}", self._submit)
        app.router.add_get("/v1/get_result", self._look)
        app.router.add_get("/results/{task}", self._deliver)
        app.middlewares.append(self._note)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    def count(self, method: str, path: str) -> int:
        return sum(one.method == method and one.path.startswith(path) for one in self.seen)

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        host = request.headers["host"]
        self.seen.append(Seen(request.method, host, request.path, request.headers.get("x-key")))
        response: web.StreamResponse = await handler(request)
        return response

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        if self.submits:
            return await self.submits.pop(0)(request)
        if request.headers.get("x-key") != KEY:
            return web.json_response({"detail": "Not authenticated"}, status=403)
        endpoint, body = request.match_info["endpoint"], await request.json()
        if faults := broken_rules(endpoint, body):
            return web.json_response({"detail": faults}, status=422)
        task = f"task-{len(self.tasks)}"
        self.bodies.append(body)
        self.tasks[task] = {"endpoint": endpoint, "active": True, **body}
        active = sum(t["active"] and t["endpoint"] == endpoint for t in self.tasks.values())
        self.most_active[endpoint] = max(active, self.most_active.get(endpoint, 0))
        every = sum(one["active"] for one in self.tasks.values())
        self.most_active["all"] = max(every, self.most_active.get("all", 0))
        url = f"{self.polling_host}/v1/get_result?id={task}"
        return web.json_response(
            {"id": task, "polling_url": url, "cost": COST, "input_mp": None, "output_mp": 1.05}
        )

    async def _look(self, request: web.Request) -> web.StreamResponse:
        if self.looks:
            return await self.looks.pop(0)(request)
        if request.headers.get("x-key") != KEY:
            return web.json_response({"detail": "Not authenticated"}, status=403)
        task = request.query["id"]
        self.looked[task] = self.looked.get(task, 0) + 1
        if self.looked[task] <= self.polls:
            progress = self.looked[task] / (self.polls + 1)
            return web.json_response({"id": task, "status": "Pending", "progress": progress})
        self.tasks[task]["active"] = False
        sample = f"{self.delivery_host}/results/{task}?sig=secret-signature"
        result = {"sample": sample, "prompt": self.tasks[task]["prompt"]}
        return web.json_response({"id": task, "status": "Ready", "result": result})

    async def _deliver(self, request: web.Request) -> web.StreamResponse:
        if self.downloads:
            return await self.downloads.pop(0)(request)
        task = self.tasks[request.match_info["task"]]
        return web.Response(body=png(drawn_size(task), task["seed"]), content_type="image/png")


def broken_rules(endpoint: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the validation errors of a body, as the API words them; strict about names."""
    if endpoint not in RULES:
        return [{"loc": ["path"], "msg": "unknown", "type": "not_found"}]
    rule = RULES[endpoint]
    unknown = [name for name in body if name not in rule.takes]
    wrong = [name for name, value in body.items() if not _fits(rule.bounds.get(name), value)]
    missing = [name for name in {"prompt", *rule.needs} if not body.get(name)]
    return [
        {"loc": ["body", name], "msg": f"bad {name}: {body.get(name)}", "type": "value_error"}
        for name in [*unknown, *wrong, *missing, *_broken_pictures(body)]
    ]


def drawn_size(body: dict[str, Any]) -> tuple[int, int]:
    """Return the size of what the API draws for a body."""
    if "image" in body:
        kept = picture(body["image"])
        sides = {name: body.get(name, 0) for name in BORDERS}
        return (
            kept.width + sides["left"] + sides["right"],
            kept.height + sides["top"] + sides["bottom"],
        )
    if ratio := body.get("aspect_ratio"):
        shape = _ratio(ratio)
        sides_of_32 = ((2**20 * part) ** 0.5 / 32 for part in (shape, 1 / shape))
        width, height = (round(side) * 32 for side in sides_of_32)
        return width, height
    return body.get("width") or 64, body.get("height") or 64


def _broken_pictures(body: dict[str, Any]) -> list[str]:
    named = [name for name in body if name in {*references(8), "image", "mask"}]
    try:
        pictures = {name: picture(body[name]) for name in named}
    except (ValueError, TypeError, OSError):
        return ["picture"]
    faults = [name for name in named if len(body[name]) > PICTURE_BYTES]
    if "mask" in pictures and pictures["mask"].size != pictures["image"].size:
        faults.append("mask")
    if "width" in body and "height" in body:
        read = sum(one.width * one.height for one in pictures.values())
        if pictures and read + body["width"] * body["height"] > ALL_PIXELS:
            faults.append("input_image")
    if "aspect_ratio" in body and not 9 / 21 <= _ratio(body["aspect_ratio"]) <= 21 / 9:
        faults.append("aspect_ratio")
    given = [name for name in references(8) if name in body]
    if given != list(references(8)[: len(given)]):
        faults.append("input_image")
    return faults


def _ratio(text: str) -> float:
    width, _, height = text.partition(":")
    return float(width) / float(height)


def _fits(bounds: tuple[float, float | None, int] | None, value: Any) -> bool:
    if bounds is None:
        return True
    least, most, multiple = bounds
    whole = not multiple or (isinstance(value, int) and value % multiple == 0)
    return whole and least <= value and (most is None or value <= most)


class ToLoopback(httpx.AsyncBaseTransport):
    """Brings every address to the fake vendor, which still reads the host it was meant for."""

    def __init__(self, port: int, failures: list[Exception] | None = None) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._port = port
        self.failures = failures if failures is not None else []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            raise self.failures.pop(0)
        # The header keeps the name; only the connection goes elsewhere.
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
