"""What is asked of a vendor's client and what it gives back; plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.vendor.charge import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to insist, in seconds, and how much to read, in bytes.

    `busy_s` and `down_s` are for a vendor that is full or away, `result_s` for a picture that was
    taken on, `unknown_s` for one that the vendor does not know of yet. `upload_bytes_s` is the
    slowest line that a body with pictures in it is waited for.
    """

    connect_s: float = 10.0
    call_s: float = 30.0
    download_s: float = 90.0
    busy_s: float = 120.0
    down_s: float = 30.0
    result_s: float = 300.0
    unknown_s: float = 10.0
    first_wait_s: float = 0.5
    longest_poll_s: float = 2.0
    longest_wait_s: float = 20.0
    upload_bytes_s: int = 2**18
    json_bytes: int = 2**20
    image_bytes: int = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One picture to ask for; `variant` names it in errors, `estimate` is our price for it."""

    variant: str
    endpoint: str
    body: Mapping[str, Any] = field(repr=False)
    estimate: Charge

    @property
    def text_bytes(self) -> int:
        """Return about how long the body is: nearly all of it are pictures, as base64."""
        return sum(len(value) for value in self.body.values() if isinstance(value, str))


@dataclass(frozen=True, slots=True)
class Told:
    """How far a picture is, in per cent, and what it costs once the vendor has taken it on."""

    percent: int = 0
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A file as the vendor sent it, and what it took for it."""

    file: bytes = field(repr=False)
    charge: Charge
