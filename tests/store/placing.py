"""Orders as members place them, for tests."""

import itertools
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.recipe import Recipe
from engine.request import GenerationRequest, ImageRequest
from store.line.endings import Kept
from store.money.plans import Plan
from store.orders import placing
from store.orders.order import Order, new_id

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAN = Plan(daily_credits=10)
ids = itertools.count(1)


def request(count: int = 1, variant: str = "starter") -> GenerationRequest:
    """Return a request for `count` pandas."""
    return GenerationRequest(
        variant=variant,
        prompt="红色背景上的熊猫",
        negative="",
        width=64,
        height=64,
        steps=4,
        guidance=1.0,
        seeds=tuple(range(7, 7 + count)),
    )


def order(count: int = 1, user_id: int = 1, **changes: Any) -> Order:
    """Return an order of `count` images at one credit each."""
    values: dict[str, Any] = {
        "id": new_id(),
        "interaction_id": next(ids),
        "application_id": 1,
        "guild_id": 5,
        "channel_id": 6,
        "user_id": user_id,
        "message_id": 8,
        "token": "secret-token",
        "token_at": 0,
        "locale": "zh-CN",
        "upload_limit": 10 * 2**20,
        "request": request(count),
        "price": count,
    }
    return Order(**(values | changes))


def place(session: Session, count: int = 1, user_id: int = 1, **changes: Any) -> str:
    """Place an order; return its id."""
    return placing.create(session, order(count, user_id, **changes), PLAN, NOON).id


def kept(image: ImageRequest) -> Kept:
    """Return a finished picture for a claim."""
    recipe = Recipe(
        request=image,
        variant_digest="v",
        weights_digest="w",
        scheduler={},
        dtype="float32",
        mode="exact",
        device="cpu",
        threads=1,
        versions={},
    )
    return Kept(
        file_sha256=f"{image.seed:064x}",
        file_bytes=10,
        pixel_sha256=f"{image.seed:064x}",
        recipe=recipe,
        seconds=0.5,
    )
