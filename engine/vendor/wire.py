"""One HTTP exchange with limits on time and size; knows neither keys nor what an answer means."""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from engine.vendor.faults import AnswerLost, Unreachable, Unusable

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; its headers and body are a stranger's, and stay out of logs."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters."""
        named: str = self.headers.get("content-type", "")
        return named.partition(";")[0].strip().lower()

    @property
    def retry_after_s(self) -> float | None:
        """Return the seconds the server asks to wait; a date counts from the answer's own."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdecimal():
            return float(asked[:9])
        try:
            until, now = (parsedate_to_datetime(at) for at in (asked, self.headers["date"]))
            return max(0.0, (until - now).total_seconds())
        except (KeyError, ValueError, TypeError):
            return None


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: httpx.URL,
    *,
    limit: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Answer:
    """Send a request and read its answer of at most `limit` bytes within `seconds`.

    Redirects are not followed. Raises Unreachable, AnswerLost or Unusable.
    """
    try:
        # httpx limits each read; a server that sends a byte now and then would hold us for ever.
        async with asyncio.timeout(seconds):
            async with http.stream(method, url, headers=headers, json=body) as response:
                content = await _body(response, limit)
                return Answer(response.status_code, response.headers, content)
    except NOTHING_SENT as error:
        raise Unreachable(type(error).__name__) from error
    except (httpx.TransportError, TimeoutError) as error:
        raise AnswerLost(type(error).__name__) from error


async def _body(response: httpx.Response, limit: int) -> bytes:
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise Unusable(f"an answer of {declared[:20]} bytes")
    content = bytearray()
    # The raw bytes, since httpx would unpack a chunk to whatever size it claims.
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            raise Unusable(f"an answer of more than {limit} bytes")
    return _unpacked(bytes(content), response.headers.get("content-encoding", ""), limit)


def _unpacked(content: bytes, encoding: str, limit: int) -> bytes:
    # We ask for none, yet a proxy on the way may pack what it passes on.
    if encoding.lower() in ("", "identity"):
        return content
    if encoding.lower() not in ("gzip", "deflate"):
        raise Unusable("an answer in an encoding that was not asked for")
    try:
        unpacker = zlib.decompressobj(wbits=47)
        unpacked = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise Unusable("an answer that does not unpack") from error
    if len(unpacked) > limit or not unpacker.eof:
        raise Unusable(f"an answer that does not unpack to {limit} bytes or less")
    return unpacked
