"""Who looks at the page, by Discord's OAuth2; the cookie is sealed and says no more than an id."""

import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web
from cryptography.fernet import Fernet, InvalidToken

from bot.page.settings import PageSettings
from bot.proxies import way_to

COOKIE, STATE = "reroll", "reroll_state"
WEEK_S = 7 * 24 * 3600
MINUTES_S = 600
PATIENCE = aiohttp.ClientTimeout(total=10)

log = structlog.get_logger()


def to(location: str) -> web.Response:
    """Return the way to another address, on which a cookie can be set."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """A member who has logged in."""

    user_id: int
    name: str


class Login:
    """Sends people to Discord and knows them when they come back; a restart logs everybody out."""

    def __init__(self, settings: PageSettings) -> None:
        self._settings = settings
        self._seal = Fernet(Fernet.generate_key())

    def visitor(self, request: web.Request) -> Visitor | None:
        """Return who is logged in."""
        try:
            text = self._seal.decrypt(request.cookies.get(COOKIE, "").encode(), ttl=WEEK_S)
        except InvalidToken:
            return None
        return Visitor(**json.loads(text))

    def leave_for_discord(self) -> web.Response:
        """Return the way to Discord, which asks the member whether they want this."""
        state = secrets.token_urlsafe(24)
        asked = {
            "response_type": "code",
            "client_id": self._settings.page_client_id,
            "scope": "identify",
            "redirect_uri": self._back,
            "state": state,
        }
        away = to(f"{self._settings.discord_api}/oauth2/authorize?{urlencode(asked)}")
        self._keep(away, STATE, state, MINUTES_S)
        return away

    async def come_back(self, request: web.Request) -> web.Response:
        """Return the member's own page, or the way to try again."""
        state, code = request.cookies.get(STATE, ""), request.query.get("code", "")
        given = request.query.get("state", "")
        if not code or not state or not secrets.compare_digest(state.encode(), given.encode()):
            return to("/")
        visitor = await self._known(code)
        back = to("/me" if visitor else "/")
        if visitor is not None:
            said = json.dumps({"user_id": visitor.user_id, "name": visitor.name}).encode()
            self._keep(back, COOKIE, self._seal.encrypt(said).decode(), WEEK_S)
        back.del_cookie(STATE)
        return back

    def leave(self) -> web.Response:
        """Return the front page to somebody who is nobody any more."""
        back = to("/")
        back.del_cookie(COOKIE)
        return back

    @property
    def _back(self) -> str:
        return f"{self._settings.page_url.rstrip('/')}/callback"

    def _keep(self, response: web.Response, name: str, value: str, seconds: int) -> None:
        secure = self._settings.page_url.startswith("https:")
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="Lax", secure=secure
        )

    async def _known(self, code: str) -> Visitor | None:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._settings.page_client_id,
            "client_secret": self._settings.page_client_secret.get_secret_value(),
        }
        api = f"{self._settings.discord_api}/api/v10"
        try:
            async with aiohttp.ClientSession(
                timeout=PATIENCE, raise_for_status=True, **way_to(api)
            ) as session:
                async with session.post(f"{api}/oauth2/token", data=sent) as answer:
                    token = (await answer.json())["access_token"]
                bearer = {"Authorization": f"Bearer {token}"}
                async with session.get(f"{api}/users/@me", headers=bearer) as answer:
                    user = await answer.json()
            return Visitor(int(user["id"]), str(user.get("global_name") or user["username"]))
        except (aiohttp.ClientError, TimeoutError, LookupError, ValueError, TypeError) as error:
            log.warning("login failed", error=type(error).__name__)
            return None
