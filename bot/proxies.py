"""The proxy of the environment, as discord.py and aiohttp are told of one; knows no address."""

import os
from collections.abc import Mapping
from typing import TypedDict

import aiohttp

from store.host.proxies import proxy_for


class Way(TypedDict, total=False):
    """Where the proxy is and what it asks for; empty where there is none."""

    proxy: str
    proxy_auth: aiohttp.BasicAuth


def way_to(url: str, told: Mapping[str, str] = os.environ) -> Way:
    """Return the way to an address. Raises ProxyUnusable."""
    proxy = proxy_for(url, told)
    if proxy is None:
        return {}
    if proxy.login is None:
        return {"proxy": proxy.url}
    return {"proxy": proxy.url, "proxy_auth": aiohttp.BasicAuth(*proxy.login)}
