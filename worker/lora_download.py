"""One file from a stranger's address: bounded, resumable, and never from inside our own network.

A host's name is resolved once, each of its addresses is looked at, and the connection goes to one
that was looked at; so with each redirect. Where the environment names a proxy, that resolves, and
reaches what it is allowed to. It knows no LoRA.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.loras.errors import LoraFileTooLarge
from store.host.proxies import proxy_for
from store.loras.addresses import check_host
from store.loras.errors import LoraFetchCut, LoraFetchSlow, LoraHostRefused, LoraNotHandedOut

MOST_S = 600.0
"""In all; a gigabyte at 14 Mbit/s."""
TRIES, PAUSE_S = 5, 1.0
REDIRECTS = 5
CONNECT_S, READ_S = 10.0, 20.0
HTTPS = 443
MIB = 2**20
NAT64 = ipaddress.ip_network("64:ff9b::/96")

BROKEN = (httpx.TransportError, httpx.DecodingError, socket.gaierror, ConnectionError)
"""What another try may mend; a disk that is full is none of it."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Tell = Callable[[int, int | None], None]
"""Hears how many bytes are there, and of how many; what it raises ends the download."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet, under whatever guise it comes."""
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if hidden is not None or address in NAT64:
            return False
    return address.is_global and not address.is_multicast


def loopback(url: str) -> str:
    """Return the origin of an address on this very machine; empty for any other."""
    parts = httpx.URL(url)
    is_here = parts.scheme == "http" and parts.host in ("localhost", "127.0.0.1", "::1")
    return f"{parts.scheme}://{parts.netloc.decode()}" if is_here else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """Fetches from `hosts`, and from `local` alone where the local Discord is (an origin)."""

    hosts: Sequence[str]
    local: str = ""
    most_s: float = MOST_S
    pause_s: float = PAUSE_S
    read_s: float = READ_S
    port: int = HTTPS
    resolve: Callable[[str, int], list[str]] = resolve
    is_public: Callable[[Address], bool] = is_public
    trust: ssl.SSLContext | bool = True

    def fetch(self, url: str, to: Path, most_bytes: int, tell: Tell) -> None:
        """Bring a file in; what is there of it already is not asked for again.

        Raises LoraFileTooLarge, LoraUnfetched, or what `tell` raises.
        """
        until = time.monotonic() + self.most_s
        host = httpx.URL(url).host
        for nth in range(TRIES):
            try:
                with self._answer(url, to, nth, until) as response:
                    self._save(response, to, most_bytes, tell, until)
                return
            except BROKEN:
                _check_time(until, self.most_s)
                tell(_size(to), None)  # one that is silent for long must cost no lease
                time.sleep(self.pause_s * nth)
        raise LoraFetchCut(host=host)

    @contextmanager
    def _answer(self, url: str, to: Path, nth: int, until: float) -> Iterator[httpx.Response]:
        """Yield the answer at the end of all redirects, each of which is checked."""
        target = httpx.URL(url)
        for _ in range(REDIRECTS + 1):
            _check_time(until, self.most_s)
            with self._asked(target, to, nth) as response:
                if response.has_redirect_location:
                    target = _joined(target, response.headers["Location"])
                    continue
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    forget(to)
                    raise httpx.RemoteProtocolError("the file is shorter than what is here of it")
                if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                    raise LoraNotHandedOut(host=target.host, status=response.status_code)
                yield response
                return
        raise LoraNotHandedOut(host=target.host, status=response.status_code)

    @contextmanager
    def _asked(self, target: httpx.URL, to: Path, nth: int) -> Iterator[httpx.Response]:
        proxy = proxy_for(str(target))
        through = None if proxy is None else httpx.Proxy(proxy.url, auth=proxy.login)
        timeout = httpx.Timeout(self.read_s, connect=CONNECT_S)
        # Of the environment nothing but the proxy: .netrc may hold passwords for hosts.
        with httpx.Client(
            verify=self.trust, timeout=timeout, trust_env=False, proxy=through
        ) as client:
            request = self._request(client, target, to, nth, proxied=proxy is not None)
            response = client.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()

    def _request(
        self, client: httpx.Client, target: httpx.URL, to: Path, nth: int, *, proxied: bool
    ) -> httpx.Request:
        headers = {"Accept-Encoding": "identity", "User-Agent": "reroll"}
        if (there := _size(to)) and (tag := _tag(to)):
            headers |= {"Range": f"bytes={there}-", "If-Range": tag}
        if self.local and f"{target.scheme}://{target.netloc.decode()}" == self.local:
            return client.build_request("GET", target, headers=headers)
        self._check(target)
        if proxied:
            return client.build_request("GET", target, headers=headers)
        addresses = self._addresses(target)
        address = addresses[nth % len(addresses)]
        # To this very address, whatever the name means a moment later; TLS asks for the name.
        return client.build_request(
            "GET",
            target.copy_with(host=f"[{address}]" if ":" in address else address, port=self.port),
            headers={**headers, "Host": target.host},
            extensions={"sni_hostname": target.host},
        )

    def _check(self, target: httpx.URL) -> None:
        check_host(target.host, self.hosts)
        if target.scheme != "https" or target.port is not None or target.userinfo:
            raise LoraHostRefused(host=target.host[:100], hosts="https")

    def _addresses(self, target: httpx.URL) -> list[str]:
        addresses = self.resolve(target.host, self.port)
        if not addresses:
            raise socket.gaierror("no address")
        if not all(self.is_public(ipaddress.ip_address(one)) for one in addresses):
            raise LoraHostRefused(host=target.host[:100], hosts=", ".join(self.hosts))
        return addresses

    def _save(
        self, response: httpx.Response, to: Path, most_bytes: int, tell: Tell, until: float
    ) -> None:
        there = _begin(response, to)
        said = response.headers.get("Content-Length", "")
        of = there + int(said) if said.isdigit() else None
        if (of or 0) > most_bytes:
            raise LoraFileTooLarge(limit=most_bytes // MIB)
        with to.open("ab") as file:
            for chunk in response.iter_raw():  # as it comes, so that time is heard of
                file.write(chunk)
                there += len(chunk)
                if there > most_bytes:
                    raise LoraFileTooLarge(limit=most_bytes // MIB)
                _check_time(until, self.most_s)
                tell(there, of)


def _begin(response: httpx.Response, to: Path) -> int:
    """Return how much of what is there stays: all before what the answer goes on with."""
    there = _size(to)
    is_rest = response.status_code == httpx.codes.PARTIAL_CONTENT
    if not (is_rest and response.headers.get("Content-Range", "").startswith(f"bytes {there}-")):
        forget(to)
        if is_rest:
            raise httpx.RemoteProtocolError("another part than was asked for")
        there = 0
    if tag := response.headers.get("ETag"):
        _tag_file(to).write_text(tag)
    to.touch()
    return there


def _joined(target: httpx.URL, location: str) -> httpx.URL:
    try:
        return target.join(location)
    except httpx.InvalidURL as error:
        raise LoraHostRefused(host=target.host[:100], hosts="https") from error


def _check_time(until: float, most_s: float) -> None:
    if time.monotonic() > until:
        raise LoraFetchSlow(minutes=max(1, round(most_s / 60)))


def _size(to: Path) -> int:
    return to.stat().st_size if to.exists() else 0


def _tag(to: Path) -> str:
    kept = _tag_file(to)
    tag = kept.read_text() if kept.exists() else ""
    return "" if tag.startswith("W/") else tag  # a weak one does not promise the same bytes


def _tag_file(to: Path) -> Path:
    return to.with_suffix(".etag")


def forget(to: Path) -> None:
    """Remove what is there of a file."""
    for one in (to, _tag_file(to)):
        one.unlink(missing_ok=True)
