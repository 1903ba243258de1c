"""Plans: what a member may spend and order, read from plans.toml; knows no server and no SQL.

Of all plans that a member is entitled to, by standing or by role, the one that stands last in the
file counts.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from math import isqrt
from pathlib import Path
from typing import Any, Self

from engine.request import GenerationRequest
from store.money.errors import (
    PlanForbidsCount,
    PlanForbidsSize,
    PlanForbidsVariant,
    SlowLaneTooSmall,
)

PLANS = Path(__file__).with_name("plans.toml")
MICROS = 1_000_000
"""Money is kept in whole millionths of a US dollar."""
UNLIMITED = 2**31 - 1


class Standing(StrEnum):
    """What a member is in a server without any role of its settings."""

    EVERYONE = "everyone"
    BOOSTER = "booster"
    MODERATOR = "moderator"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Rank:
    """What entitles a member to plans: ids of roles, and standings."""

    roles: frozenset[int] = frozenset()
    standings: frozenset[Standing] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowLane:
    """What is drawn for nothing when credits are spent: one order at a time, of small weight."""

    weight: float
    most_pixels: int
    most_count: int

    def check(self, request: GenerationRequest, *, price: int, left: int, resets_at: int) -> None:
        """Raise SlowLaneTooSmall where the order is more than the lane takes."""
        pixels = request.width * request.height
        if pixels > self.most_pixels or request.count > self.most_count:
            raise SlowLaneTooSmall(
                price=price,
                left=left,
                resets_at=resets_at,
                count=self.most_count,
                side=isqrt(self.most_pixels),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one member may do in one server.

    `daily_credits` come at the server's midnight and do not add up. An order that costs more than
    `confirm_above` is asked about first. `daily_micros` is money for a vendor's variants a day, of
    `server_micros` for all members together, and of `host_micros` for all servers in 24 hours,
    None without a bound. `slow_lane` is None where the server has none.
    """

    daily_credits: int
    name: str = "free"
    standing: Standing | None = None
    weight: float = 1.0
    concurrent: int = UNLIMITED
    variants: tuple[str, ...] = ("*",)
    most_pixels: int = UNLIMITED
    most_count: int = UNLIMITED
    confirm_above: int = UNLIMITED
    loras: int = 0
    lora_mb: int = 0
    trainings: int = 0
    daily_micros: int = 0
    server_micros: int = 0
    host_micros: int | None = None
    slow_lane: SlowLane | None = None

    @classmethod
    def from_toml(cls, name: str, values: Mapping[str, Any]) -> Self:
        """Build from one table. Raises TypeError, ValueError or KeyError on wrong names."""
        rest = {**values}
        return cls(
            name=name,
            standing=Standing(rest.pop("standing")) if "standing" in rest else None,
            variants=tuple(rest.pop("variants", ("*",))),
            daily_micros=micros(rest.pop("daily_usd", 0)),
            **rest,
        )

    def allows(self, variant: str) -> bool:
        """Tell whether the plan has this variant, money aside."""
        return any(fnmatchcase(variant, pattern) for pattern in self.variants)

    def check(self, request: GenerationRequest, *, costs_money: bool = False) -> None:
        """Raise the StoreRefused that says what of `request` the plan does not hold."""
        if not self.allows(request.variant) or (costs_money and not self.daily_micros):
            raise PlanForbidsVariant(variant=request.variant, plan=self.name)
        if request.width * request.height > self.most_pixels:
            raise PlanForbidsSize(
                width=request.width,
                height=request.height,
                side=isqrt(self.most_pixels),
                plan=self.name,
            )
        if request.count > self.most_count:
            raise PlanForbidsCount(value=request.count, limit=self.most_count, plan=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDefaults:
    """What a server starts with; see plans.toml."""

    slow_lane: bool = False
    checkin_credits: int = 0
    daily_micros: int = 0
    most_daily_micros: int = 0

    @classmethod
    def from_toml(cls, values: Mapping[str, Any]) -> Self:
        """Build from the `[server]` table. Raises TypeError on unknown names."""
        rest = {**values}
        return cls(
            daily_micros=micros(rest.pop("daily_usd", 0)),
            most_daily_micros=micros(rest.pop("most_daily_usd", 0)),
            **rest,
        )


@dataclass(frozen=True, slots=True)
class Plans:
    """Every plan, from the least to the best, the slow lane, and what a server starts with.

    `host_micros` is what vendors may take in 24 hours in all servers, None without a bound.
    """

    plans: tuple[Plan, ...]
    slow_lane: SlowLane | None = None
    server: ServerDefaults = field(default_factory=ServerDefaults)
    host_micros: int | None = None

    @classmethod
    def load(cls, path: Path = PLANS) -> Self:
        """Read the file. Raises KeyError, TypeError or ValueError where it is not of that form."""
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        plans = (Plan.from_toml(name, table) for name, table in values["plans"].items())
        lane = SlowLane(**values["slow_lane"]) if "slow_lane" in values else None
        server = ServerDefaults.from_toml(values.get("server", {}))
        return cls(tuple(plans), lane, server, _host_micros(**values.get("host", {})))

    @property
    def least(self) -> Plan:
        """Return the plan of whoever is entitled to no other."""
        return self.plans[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names, from the least to the best."""
        return tuple(plan.name for plan in self.plans)

    def named(self, name: str) -> Plan:
        """Return a plan; the least where there is none of that name (any more)."""
        return next((plan for plan in self.plans if plan.name == name), self.least)

    def best(self, named: Collection[str], standings: Collection[Standing]) -> Plan:
        """Return the last plan that is named, or that one of `standings` has."""
        mine = (plan for plan in self.plans if plan.name in named or plan.standing in standings)
        return max(mine, key=self.plans.index, default=self.least)

    def changed(self, numbers: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return the plans with a server's own numbers; those of unknown plans do not count."""
        plans = (replace(plan, **numbers.get(plan.name, {})) for plan in self.plans)
        return replace(self, plans=tuple(plans))


def _host_micros(daily_usd: float | None = None) -> int | None:
    return None if daily_usd is None else micros(daily_usd)


def micros(usd: Decimal | float | str) -> int:
    """Return dollars as whole millionths, rounded up: an estimate must not be too small."""
    return int((Decimal(str(usd)) * MICROS).to_integral_value(ROUND_CEILING))


def dollars(amount: int) -> str:
    """Return millionths as dollars to show, in cents where that is exact: 0.10, 0.014."""
    exact = Decimal(amount) / MICROS
    cents = exact.quantize(Decimal("0.01"))
    return f"{cents if cents == exact else exact.normalize():f}"
