"""Points discord.py at the local Discord instead of the real one; knows nothing about either."""

import ipaddress
import re

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

REAL_TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{5,8}\.[\w-]{25,}")


def use_local_discord(base_url: str, token: str) -> None:
    """Send all of this process's traffic to a loopback server, before the bot logs in."""
    url = yarl.URL(base_url)
    if url.scheme != "http" or not _is_loopback(url.host):
        raise ValueError("The local Discord must be an http address on this very machine.")
    if REAL_TOKEN.search(token):
        raise ValueError("This looks like a real bot token; it must not go to the local Discord.")
    Route.BASE = str(url / "api" / "v10")
    discord.Asset.BASE = str(url / "cdn")
    DiscordWebSocket.DEFAULT_GATEWAY = url.with_scheme("ws") / "gateway"


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
