"""What the bot knows when a member orders; knows no table."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.request import GenerationRequest
from store.money.ledger import Flow

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread on a phone
ID_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the bot knows when a member orders; `token` is Discord's and must not be printed.

    The `id` is new: files that the request starts from lie in its folder already. `estimate` is
    what a vendor is expected to take for each picture, in micro-dollars. A `confirmed` order is
    not asked about again.
    """

    id: str
    interaction_id: int
    application_id: int
    guild_id: int
    channel_id: int
    user_id: int
    message_id: int | None
    token: str
    token_at: int
    locale: str
    upload_limit: int
    request: GenerationRequest
    price: int
    estimate: int = 0
    confirmed: bool = False
    parent_id: str | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)
    place_id: int | None = None
    age_restricted: bool | None = None
    spoiler: bool = False
    quiet: bool = False
    wordless: bool = False
    label_free: bool = False

    def __repr__(self) -> str:
        """Name the order without its token."""
        return f"Order(interaction_id={self.interaction_id}, user_id={self.user_id})"

    @property
    def flow(self) -> Flow:
        """Return whose credits pay."""
        return Flow(self.guild_id, self.user_id)


def new_id() -> str:
    """Return an id for an order that is to be placed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
