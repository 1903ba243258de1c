"""Discord's interaction tokens as they lie in the database: sealed, readable by the bot alone.

The key is derived from a secret that every process of the bot has: `REROLL_TOKEN_KEY`, else the bot
token. What cannot be opened, since the secret was changed, counts as a token that has died.
"""

import base64
import secrets
from collections import OrderedDict
from typing import Self

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK = "sealed:"
PURPOSE = b"reroll interaction tokens 1"
MOST_KEPT = 1_000


class Seals:
    """Seals tokens and opens them again."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._sealed: OrderedDict[str, str] = OrderedDict()

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Seals()"

    @classmethod
    def of(cls, secret: str) -> Self:
        """Return the seals of a secret of any length."""
        derived = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret.encode())
        return cls(base64.urlsafe_b64encode(derived))

    @classmethod
    def passing(cls) -> Self:
        """Return seals that nobody else can open, for as long as this process lives."""
        return cls.of(secrets.token_hex())

    def seal(self, token: str) -> str:
        """Return the token sealed; for a while the same one gives the same text.

        The orders of one press are told by their token.
        """
        if token not in self._sealed:
            self._sealed[token] = MARK + self._fernet.encrypt(token.encode()).decode()
            if len(self._sealed) > MOST_KEPT:
                self._sealed.popitem(last=False)
        return self._sealed[token]

    def opened(self, text: str) -> str | None:
        """Return the token, or None where it is gone or of another key; a plain one as it is."""
        if not text.startswith(MARK):
            return text or None
        try:
            return self._fernet.decrypt(text.removeprefix(MARK)).decode()
        except InvalidToken:
            return None
