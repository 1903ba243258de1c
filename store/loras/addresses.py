"""Addresses that LoRA files are fetched from: which hosts, and which file a page is about. Pure.

Whoever fetches looks again, at each redirect too: this only tells a member early.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, urlsplit

from store.loras.errors import LoraHostRefused, LoraUrlInvalid

HOSTS = (
    "huggingface.co",
    "*.hf.co",
    "civitai.com",
    "*.civitai.com",
    "civitai-delivery-worker-prod.*.r2.cloudflarestorage.com",
)
"""Two sites that share LoRAs, and where they keep the files."""
DISCORD = ("cdn.discordapp.com", "media.discordapp.net")
"""Where members' attachments lie."""
URL_LIMIT = 2000


def checked(typed: str, hosts: Iterable[str]) -> str:
    """Return the address of the file that is meant. Raises LoraUrlInvalid or LoraHostRefused."""
    url = typed.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise LoraUrlInvalid from error
    is_plain = url.isascii() and url.isprintable() and len(url) <= URL_LIMIT
    if parts.scheme != "https" or not host or "@" in parts.netloc or not is_plain or " " in url:
        raise LoraUrlInvalid
    if port not in (None, 443):
        raise LoraUrlInvalid
    check_host(host, hosts)
    return _file(url, host, parts.path, parts.query)


def check_host(host: str, hosts: Iterable[str]) -> None:
    """Raise LoraHostRefused where nothing is fetched from a host."""
    allowed = tuple(hosts)
    if not any(fnmatchcase(host.lower(), pattern) for pattern in allowed):
        shown = ", ".join(one for one in allowed if "*" not in one)
        raise LoraHostRefused(host=host[:100], hosts=shown)


def _file(url: str, host: str, path: str, query: str) -> str:
    """Return the file's own address where the page about it was given, as members copy it."""
    if host == "huggingface.co" and "/blob/" in path:
        return url.replace("/blob/", "/resolve/", 1)
    version = parse_qs(query).get("modelVersionId", [""])[0]
    if host == "civitai.com" and path.startswith("/models/") and version.isdigit():
        return f"https://civitai.com/api/download/models/{version}"
    return url
