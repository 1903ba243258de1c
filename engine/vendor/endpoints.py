"""The vendor's addresses: regions, endpoints and how many tasks each takes at once."""

from collections.abc import Mapping
from typing import Literal

import httpx

DOMAIN = "bfl.ai"
Region = Literal["global", "eu", "us"]
REGIONS: Mapping[Region, str] = {
    "global": "https://api.bfl.ai",
    "eu": "https://api.eu.bfl.ai",
    "us": "https://api.us.bfl.ai",
}

MOST_ACTIVE = 24
"""Tasks that an account may have unfinished at once; one more is answered with 429."""

ENDPOINTS: Mapping[str, int] = {
    "flux-2-klein-4b": MOST_ACTIVE,
    "flux-2-klein-9b": MOST_ACTIVE,
    "flux-2-pro": MOST_ACTIVE,
    "flux-2-flex": MOST_ACTIVE,
    "flux-2-max": MOST_ACTIVE,
    "flux-pro-1.1": MOST_ACTIVE,
    "flux-pro-1.1-ultra": MOST_ACTIVE,
    "flux-dev": MOST_ACTIVE,
    "flux-kontext-pro": MOST_ACTIVE,
    "flux-kontext-max": 6,
    "flux-pro-1.0-fill": MOST_ACTIVE,
    "flux-pro-1.0-expand": MOST_ACTIVE,
}
"""How many tasks each takes at once. Preview endpoints are left out: their model moves."""


def is_api(url: httpx.URL) -> bool:
    """Tell whether the account's key may be sent there."""
    return is_ours(url) and url.host.startswith("api.")


def is_ours(url: httpx.URL) -> bool:
    """Tell whether an address is the vendor's own, by https at the usual port."""
    plain = url.scheme == "https" and url.port is None and not url.userinfo
    return plain and url.host.endswith(f".{DOMAIN}")
