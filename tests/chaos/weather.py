"""A Discord that fails now and then: 429, 500 before or after the deed, tokens that die early."""

import json
import random
import re
from collections import Counter
from typing import Any

from aiohttp import web

from local.discord.rest import PREFIX, Rest

TOKEN = re.compile(r"/webhooks/\d+/([^/]+)")
SENDS = re.compile(r"/channels/\d+/messages")
VIA = {"Via": "1.1 local"}
"""discord.py retries a 429 only if it came through Discord's proxy."""
JSON = "application/json"
"""To the letter: discord.py does not read an answer as JSON that also names a charset."""


class Weather:
    """Stands before the REST side, and lets a share of the requests fail while it is bad."""

    def __init__(self, rest: Rest, dice: random.Random) -> None:
        self.rest = rest
        self._dice = dice
        self._dead: set[str] = set()
        self.bad = True
        self.told: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request, or say why not."""
        path = request.path.removeprefix(PREFIX)
        if (token := TOKEN.match(path)) and token[1] in self._dead:
            return self._dead_token()
        chance = self._dice.random() if self.bad else 1.0
        if chance < 0.02:
            self.told["429"] += 1
            limited = {"message": "Slow down.", "retry_after": 0.2, "global": False}
            return _json(429, limited)
        if chance < 0.04:
            return self._broken("500 before")
        if chance < 0.06 and token:
            self._dead.add(token[1])
            return self._dead_token()
        answer = await self.rest.serve(request)
        if chance > 0.98 and self.bad and answer.status < 300 and _repeatable(request.method, path):
            return self._broken("500 after")
        return answer

    def _broken(self, when: str) -> web.Response:
        self.told[when] += 1
        return _json(500, {"message": "Internal Server Error", "code": 0})

    def _dead_token(self) -> web.Response:
        self.told["401"] += 1
        gone = {"message": "Invalid Webhook Token", "code": 50027}
        return _json(401, gone)


def _json(status: int, said: dict[str, Any]) -> web.Response:
    body = json.dumps(said).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": JSON, **VIA})


def _repeatable(method: str, path: str) -> bool:
    # What discord.py sends again without harm: edits, and messages under a nonce.
    return method == "PATCH" or (method == "POST" and SENDS.fullmatch(path) is not None)
