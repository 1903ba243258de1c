"""The way to the internet that the environment names: HTTPS_PROXY, but for hosts in NO_PROXY.

Libraries that read these themselves (weights, S3, a vendor's API) are left to it; this is for those
that do not.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

SCHEMES = ("http", "https")


class ProxyUnusable(ValueError):
    """HTTPS_PROXY names something that is no HTTP proxy; the text does not repeat it."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and the name and password it asks for: apart, for errors tell addresses."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)


def proxy_for(url: str, told: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy that an address is reached through; None where it is reached directly.

    Only https addresses go through one: what speaks plain http is the host's own. Raises
    ProxyUnusable.
    """
    named = told.get("https_proxy") or told.get("HTTPS_PROXY") or ""
    left_out = told.get("no_proxy") or told.get("NO_PROXY") or ""
    target = urlsplit(url)
    if not named or target.scheme != "https":
        return None
    if proxy_bypass_environment(target.hostname or "", {"no": left_out}):
        return None
    parts = urlsplit(named if "://" in named else f"http://{named}")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ProxyUnusable("HTTPS_PROXY must be the address of an HTTP proxy: http://host:port")
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.username is None:
        return Proxy(where)
    return Proxy(where, (unquote(parts.username), unquote(parts.password or "")))
