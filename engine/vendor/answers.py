"""The vendor's JSON read into values, with nothing in it believed; knows no HTTP status."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import httpx

from engine.variants.vendor import CREDIT_USD
from engine.vendor.charge import Charge
from engine.vendor.faults import Unusable

NAME = "bfl"
MOST_CREDITS = 10_000
"""A picture at a hundred dollars is a mistake in the answer, not a price."""
DETAIL_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Accepted:
    """A task that the vendor took on, and what it says to take for it."""

    id: str
    polling_url: httpx.URL
    charge: Charge | None


@dataclass(frozen=True, slots=True)
class Report:
    """How a task stands: `status` in lower case, `progress` from 0 to 1 where it is told."""

    status: str
    progress: float | None = None
    sample: httpx.URL | None = None
    charge: Charge | None = None


def accepted(body: bytes) -> Accepted:
    """Read the answer to a submission. Raises Unusable."""
    values = _object(body)
    return Accepted(
        id=str(values.get("id"))[:80],
        polling_url=_url(values.get("polling_url")),
        charge=_charge(values.get("cost")),
    )


def report(body: bytes) -> Report:
    """Read the answer to a poll. Raises Unusable."""
    values = _object(body)
    status = values.get("status")
    if not isinstance(status, str):
        raise Unusable("a report without a status")
    ready = status.strip().lower() == "ready"
    result = values.get("result")
    sample = result.get("sample") if isinstance(result, dict) else None
    return Report(
        status=status.strip().lower(),
        progress=_share(values.get("progress")),
        sample=_url(sample) if ready else None,
        charge=_charge(values.get("cost")),
    )


def estimated(credits: float) -> Charge:
    """Return the charge by our own table."""
    amount = Decimal(str(credits))
    return Charge(NAME, amount, amount * CREDIT_USD, is_estimate=True)


def complaint(body: bytes) -> str:
    """Return where a 422 says the mistake is, short and printable, for the log."""
    try:
        faults = _object(body).get("detail")
    except Unusable:
        return ""
    rows = [row for row in faults if isinstance(row, dict)] if isinstance(faults, list) else []
    text = "; ".join(f"{row.get('loc')} {row.get('type')}" for row in rows[:5])
    return "".join(sign for sign in text if sign.isprintable())[:DETAIL_LIMIT]


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError) as error:
        # Not the error's own text: it may quote the answer.
        raise Unusable("an answer that is not JSON") from error
    if not isinstance(values, dict):
        raise Unusable("an answer that is no JSON object")
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _url(value: object) -> httpx.URL:
    if not isinstance(value, str) or not value.strip():
        raise Unusable("an answer without an address")
    try:
        return httpx.URL(value)
    except (httpx.InvalidURL, ValueError) as error:
        raise Unusable("an answer with an address that is none") from error


def _charge(value: object) -> Charge | None:
    if not _is_number(value):
        return None
    credits = Decimal(str(value))
    return Charge(NAME, credits, credits * CREDIT_USD) if 0 <= credits <= MOST_CREDITS else None


def _share(value: object) -> float | None:
    return min(1.0, max(0.0, float(str(value)))) if _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
