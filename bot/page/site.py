"""The page for people who look: a showcase, the line, their own pictures; it changes nothing.

No script runs on it: what members wrote is text, and the browser is told to run none.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from bot.i18n import DEFAULT, Texts, Words
from bot.page.login import Login, Visitor
from bot.page.settings import PageSettings
from engine.labels import visible
from engine.labels.labelling import Labels, Visible
from engine.request import GenerationRequest
from store.database import Database
from store.errors import FilesUnavailable, StoreUnavailable
from store.files import Files
from store.host import overview
from store.host.workers import draws
from store.pictures import gallery
from store.tables.orders import Generation, Image

TEMPLATES = Path(__file__).parent / "templates"
PER_PAGE = 24
MOST_PAGES = 500
SIDE = 512
MOST_KEPT = 512
"""Small copies in memory: some 20 MB."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One order on the page."""

    id: str
    prompt: str
    variant: str
    indexes: Sequence[int]


@dataclass(slots=True)
class Site:
    """The page's world, and its answers."""

    settings: PageSettings
    database: Database
    files: Files
    texts: Texts
    labels: Labels
    login: Login
    _small: dict[str, bytes] = field(default_factory=dict)

    def app(self) -> web.Application:
        """Return the application that serves it."""
        app = web.Application(middlewares=[self._guarded])
        loader = jinja2.FileSystemLoader(TEMPLATES)
        aiohttp_jinja2.setup(app, loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
        get = app.router.add_get
        get("/", self.gallery)
        get("/status", self.status)
        get("/picture/{id}/{index:\\d{1,2}}", self.picture)
        get("/style.css", _style)
        if self.settings.has_login:
            get("/me", self.mine)
            get("/me/picture/{id}/{index:\\d{1,2}}", self.my_picture)
            get("/login", self.log_in)
            get("/callback", self.login.come_back)
            app.router.add_post("/logout", self.log_out)
        return app

    async def gallery(self, request: web.Request) -> web.Response:
        """Answer with the showcase."""
        page = _page(request)
        found = await self.database.read(
            gallery.showcase,
            self.settings.server_ids,
            offset=page * PER_PAGE,
            limit=PER_PAGE + 1,
        )
        return self._render(request, "gallery.html", self._pages(request, found, page, "/picture"))

    async def mine(self, request: web.Request) -> web.Response:
        """Answer with the visitor's own pictures."""
        visitor = self._visitor(request)
        page = _page(request)
        found = await self.database.read(
            gallery.own, visitor.user_id, offset=page * PER_PAGE, limit=PER_PAGE + 1
        )
        shown = self._pages(request, found, page, "/me/picture")
        return self._render(request, "gallery.html", {**shown, "own": True})

    async def status(self, request: web.Request) -> web.Response:
        """Answer with the line."""
        now = await self.database.read(overview.read)
        words = self._words(request)
        workers = [set(filter(draws, names)) for names in now.workers.values()]
        drawn = set().union(*workers)
        lines = [
            (words.name(f"variants.{name}", name), now.lines.get(name, overview.Line()))
            for name in sorted(drawn | now.lines.keys())
        ]
        flow = words(f"flows.{now.controls.flow.value}")
        told = {"lines": lines, "machines": sum(map(bool, workers)), "flow": flow}
        return self._render(request, "status.html", told)

    async def picture(self, request: web.Request) -> web.Response:
        """Answer with a picture that everybody may see."""
        wanted = (request.match_info["id"], int(request.match_info["index"]))
        image = await self.database.read(gallery.shown, self.settings.server_ids, *wanted)
        return await self._answer(image, "public, max-age=300")

    async def my_picture(self, request: web.Request) -> web.Response:
        """Answer with a picture of the visitor's own."""
        visitor = self._visitor(request)
        wanted = (request.match_info["id"], int(request.match_info["index"]))
        image = await self.database.read(gallery.owned, visitor.user_id, *wanted)
        return await self._answer(image, "private, max-age=300")

    async def log_in(self, _request: web.Request) -> web.Response:
        """Send somebody to Discord."""
        return self.login.leave_for_discord()

    async def log_out(self, _request: web.Request) -> web.Response:
        """Forget somebody."""
        return self.login.leave()

    def _visitor(self, request: web.Request) -> Visitor:
        visitor = self.login.visitor(request)
        if visitor is None:
            raise web.HTTPFound("/login")
        return visitor

    async def _answer(self, image: Image | None, cached: str) -> web.Response:
        if image is None or image.file_sha256 is None:
            raise web.HTTPNotFound
        small = self._small.get(image.file_sha256)
        if small is None:
            small = await self._made(image)
        return web.Response(
            body=small, content_type="image/webp", headers={"Cache-Control": cached}
        )

    async def _made(self, image: Image) -> bytes:
        digest = str(image.file_sha256)
        content = await self.files.aget(image.generation_id, digest)
        number = f"{image.generation_id}-{image.index + 1}"
        made = await asyncio.to_thread(self._labelled, content, number)
        while len(self._small) >= MOST_KEPT:
            self._small.pop(next(iter(self._small)))
        self._small[digest] = made
        return made

    def _labelled(self, content: bytes, number: str) -> bytes:
        if self.labels.visible is not Visible.OFF:
            text = visible.text_for(DEFAULT)
            content, _ = self.labels.copy(content, number, len(content) * 2, text)
        return self.labels.small(content, number, SIDE)

    def _pages(
        self, request: web.Request, found: Sequence[Generation], page: int, pictures: str
    ) -> dict[str, Any]:
        words = self._words(request)
        return {
            "orders": [_shown(words, one) for one in found[:PER_PAGE]],
            "pictures": pictures,
            "own": False,
            "earlier": page + 1 if len(found) > PER_PAGE else None,
            "later": page - 1 if page else None,
        }

    def _render(
        self, request: web.Request, template: str, told: Mapping[str, Any], status: int = 200
    ) -> web.Response:
        words = self._words(request)
        visitor = self.login.visitor(request) if self.settings.has_login else None
        about = {
            "t": functools.partial(_text, words),
            "lang": words.locale,
            "visitor": visitor,
            "has_login": self.settings.has_login,
        }
        return aiohttp_jinja2.render_template(template, request, {**about, **told}, status=status)

    def _words(self, request: web.Request) -> Words:
        return self.texts.asked(request.headers.get("Accept-Language", ""))

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except (StoreUnavailable, FilesUnavailable):
            answer = self._render(request, "away.html", {"said": "away"}, 503)
        except web.HTTPNotFound:
            answer = self._render(request, "away.html", {"said": "nothing"}, 404)
        except web.HTTPException as other:
            other.headers.update(HEADERS)
            raise
        answer.headers.update(HEADERS)
        return answer


async def _style(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(TEMPLATES / "style.css", headers={"Cache-Control": "max-age=3600"})


def _text(words: Words, key: str, **params: object) -> str:
    return words(f"page.{key}", **params)


def _page(request: web.Request) -> int:
    asked = request.query.get("page", "0")
    if not (asked.isascii() and asked.isdigit()):
        return 0
    return min(int(asked[:20]), MOST_PAGES)  # Python reads no number of thousands of digits


def _shown(words: Words, order: Generation) -> Shown:
    request = GenerationRequest.from_json(order.request)
    there = [one.index for one in order.images if one.file_sha256 and one.review is None]
    variant = words.name(f"variants.{request.variant}", request.variant)
    return Shown(order.id, request.prompt, variant, there)
