"""Plans: what a member may spend, read from plans.toml; knows no member."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

PLANS = Path(__file__).with_name("plans.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`daily_credits` are granted at midnight UTC and do not add up."""

    daily_credits: int


def default_plan(path: Path = PLANS) -> Plan:
    """Return the plan of members without another one. Raises KeyError where it is missing."""
    return Plan(**tomllib.loads(path.read_text(encoding="utf-8"))["default"])
