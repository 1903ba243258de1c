"""One channel as a page of simcord's, with what simcord leaves out: message menus, other rooms.

Like `simulation.py` it leans on private names of simcord 3.2.1, which no other file knows.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from simcord.preview import Preview
from simcord.preview._server import PreviewServer

from local.discord import simulation as sim

FOLDER = Path(__file__).parents[1] / "pages"
SCRIPTS, STYLE = (FOLDER / "language.js", FOLDER / "around.js"), FOLDER / "around.css"
INDEX = "/"
HEAD = '<link rel="stylesheet" href="/around.css">\n  </head>'
TAGS = "".join(f'<script type="module" src="/{one.name}"></script>\n' for one in SCRIPTS)
BODY = f"{TAGS}  </body>"
AROUND, USE_MENU = "around", "use_menu"
"""What our own script asks of a page, beside all that simcord's asks."""
WIDTH, HEIGHT = 960, 720

Around = Callable[[int, int], Mapping[str, Any]]
"""What a member has around a channel, by the ids of both."""


class Page(Preview):  # type: ignore[misc]  # simcord is read without types
    """A channel before some members."""

    def __init__(
        self,
        stage: sim.Stage,
        channel: sim.ChannelHandle,
        viewers: Sequence[sim.MemberActor | sim.UserHandle],
        around: Around,
        port: int | None = None,
    ) -> None:
        super().__init__(
            *(stage, channel, tuple(viewers)),
            layout="channel",
            display="responsive",
            width=WIDTH,
            height=HEIGHT,
            locale="en-US",
            timezone="UTC",
            presentation_time=None,
            assets=None,
            port=port or 0,
        )
        self._server = Server(self, port or 0)
        self._around = around

    @property
    def watched(self) -> bool:
        """Whether a browser shows it; the one page without is simcord's own."""
        return len(self._pages) > 1

    def _publish(self, page: Any, **why: Any) -> None:
        super()._publish(page, **why)
        # Dates and times are told in the language of who looks.
        locales: Mapping[int, str] = self.env.backend.locales
        page.snapshot["profile"]["locale"] = locales.get(page.viewer.id, self.locale)

    async def _action(self, context_id: str | None, body: Any) -> dict[str, Any]:
        kind = body.get("kind") if isinstance(body, Mapping) else None
        if kind == AROUND:
            return dict(self._around(self._get_page(context_id).viewer.id, self.channel.id))
        if kind == USE_MENU:
            return await self._use_menu(context_id, body)
        answered: dict[str, Any] = await super()._action(context_id, body)
        return answered

    async def _use_menu(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        page = self._get_page(context_id)
        target = self._target_id(body.get("message_id"), page.viewer)
        message = self._target_message(page, target)
        shown = await sim.use_menu(page.viewer, self.channel, str(body.get("name")), message)
        if shown.modal is not None:
            page.modal, page.modal_handle = shown, f"m_{secrets.token_urlsafe(12)}"
        self._publish(page)
        return {"acknowledged": shown.acknowledged}


class Server(PreviewServer):  # type: ignore[misc]
    """Serves a page with our script and style in it."""

    _STATIC_FILES = {  # noqa: RUF012 - as simcord declares it
        **PreviewServer._STATIC_FILES,
        **{f"/{one.name}": str(one) for one in (*SCRIPTS, STYLE)},
    }
    _STATIC_CONTENT_TYPES = {  # noqa: RUF012
        **PreviewServer._STATIC_CONTENT_TYPES,
        str(STYLE): "text/css",
    }

    async def _index(self, request: web.Request) -> web.Response:
        answer: web.Response = await super()._index(request)
        text = answer.text or ""
        answer.text = text.replace("</head>", HEAD).replace("</body>", BODY)
        return answer
