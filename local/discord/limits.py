"""Rate limits in fixed windows, which is how discord.py expects Discord to count."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

CHANNEL = re.compile(r"/channels/(\d+)/messages(?:/|$)")
WEBHOOK = re.compile(r"/webhooks/\d+/([^/]+)")


@dataclass(frozen=True, slots=True)
class Rates:
    """How many requests one bucket takes in one window; callbacks of interactions are exempt.

    Discord does not promise its numbers. Five in five seconds is what its channels have shown.
    """

    per_channel: int = 5
    per_webhook: int = 5
    window: float = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one request did to its bucket."""

    bucket: str
    limit: int
    left: int
    reset_after: float

    @property
    def refused(self) -> bool:
        """Whether the bucket was already empty."""
        return self.left < 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers that discord.py paces itself by; it retries a 429 only if it sees Via."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.left, 0)),
            "X-RateLimit-Reset-After": f"{self.reset_after:.3f}",
            "X-RateLimit-Reset": f"{time.time() + self.reset_after:.3f}",
            "X-RateLimit-Bucket": self.bucket.partition(":")[0],
            "Via": "1.1 local",
        }


class Buckets:
    """Counts requests by bucket."""

    def __init__(self, rates: Rates, now: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._now = now
        self._used: dict[str, tuple[int, int]] = {}

    def take(self, method: str, path: str) -> Verdict | None:
        """Count one request; None when nothing limits it."""
        bucket = _bucket(method, path)
        if bucket is None:
            return None
        name, rates = bucket, self._rates
        limit = rates.per_channel if name.startswith("channel") else rates.per_webhook
        elapsed, window = math.modf(self._now() / rates.window)
        current, used = self._used.get(name, (int(window), 0))
        used = used + 1 if current == int(window) else 1
        self._used[name] = (int(window), used)
        return Verdict(name, limit, limit - used, (1 - elapsed) * rates.window)


def _bucket(method: str, path: str) -> str | None:
    if method == "GET":
        return None
    if match := CHANNEL.match(path):
        return f"channel-{method}:{match[1]}"
    if match := WEBHOOK.match(path):
        return f"webhook:{match[1]}"
    return None
