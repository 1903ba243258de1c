"""A stranger's address hands over one bounded file, or says why not; nothing inside is reached."""

import ipaddress
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.loras.errors import LoraFileTooLarge
from store.loras.addresses import HOSTS, checked
from store.loras.errors import (
    LoraFetchCut,
    LoraFetchSlow,
    LoraHostRefused,
    LoraNotHandedOut,
    LoraUrlInvalid,
)
from tests import tunnel
from tests.worker import web
from tests.worker.web import Site
from worker.lora_download import Downloader, is_public, loopback

MIB = 2**20


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with web.running() as site:
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    running.files = {"a": bytes(range(256)) * 4000}
    running.target, running.cuts, running.tag = "", 1, '"one"'
    running.asked.clear()
    return running


def downloader(site: Site, **changes: Any) -> Downloader:
    values: dict[str, Any] = {"hosts": HOSTS, "local": site.url, "pause_s": 0.01}
    return Downloader(**(values | changes))


def fetch(site: Site, path: str, to: Path, **changes: Any) -> bytes:
    most = changes.pop("most_bytes", 2 * MIB)
    downloader(site, **changes).fetch(f"{site.url}{path}", to, most, lambda got, of: None)
    return to.read_bytes()


def test_a_file_comes_whole_and_tells_how_far_it_is(site: Site, tmp_path: Path) -> None:
    heard: list[tuple[int, int | None]] = []
    to = tmp_path / "x.part"
    downloader(site).fetch(f"{site.url}/ok/a", to, 2 * MIB, lambda got, of: heard.append((got, of)))
    assert to.read_bytes() == site.files["a"]
    assert heard[-1] == (1_024_000, 1_024_000)


def test_a_broken_connection_goes_on_where_it_broke(site: Site, tmp_path: Path) -> None:
    assert fetch(site, "/cut/a", tmp_path / "x.part") == site.files["a"]
    (_, first), (_, second) = site.asked
    assert first == ""
    assert re.fullmatch(r"bytes=[1-9]\d+-", second)


def test_a_former_life_is_gone_on_with_unless_the_file_changed(site: Site, tmp_path: Path) -> None:
    to = tmp_path / "x.part"
    site.cuts = 99
    with pytest.raises(LoraFetchCut):
        fetch(site, "/cut/a", to)
    assert 0 < to.stat().st_size < len(site.files["a"])
    site.cuts, site.tag, site.files["a"] = 0, '"two"', b"another" * 9
    assert fetch(site, "/ok/a", to) == b"another" * 9


def test_more_than_is_allowed_is_refused_by_its_word_alone(site: Site, tmp_path: Path) -> None:
    with pytest.raises(LoraFileTooLarge):
        fetch(site, "/ok/a", tmp_path / "x.part", most_bytes=1_000_000)
    assert not (tmp_path / "x.part").stat().st_size


def test_one_that_never_ends_is_cut_off_by_size_and_by_time(site: Site, tmp_path: Path) -> None:
    to = tmp_path / "x.part"
    with pytest.raises(LoraFileTooLarge):
        fetch(site, "/ever/a", to, most_bytes=MIB)
    assert to.stat().st_size < 2 * MIB
    began = time.monotonic()
    with pytest.raises(LoraFetchSlow):
        fetch(site, "/drip/a", to, most_s=0.5)
    assert time.monotonic() - began < 5


def test_one_that_says_more_than_it_has_is_given_up(site: Site, tmp_path: Path) -> None:
    with pytest.raises(LoraFetchCut):
        fetch(site, "/lie/a", tmp_path / "x.part")


def test_a_silent_one_is_given_up_and_told_of_at_each_try(site: Site, tmp_path: Path) -> None:
    heard: list[tuple[int, int | None]] = []
    to = tmp_path / "x.part"
    with pytest.raises(LoraFetchCut):
        downloader(site, read_s=0.1).fetch(
            f"{site.url}/mute/a", to, 2 * MIB, lambda got, of: heard.append((got, of))
        )
    assert heard == [(0, None)] * 5


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/a",
        "http://localhost/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/a",
        "http://huggingface.co/a",
        "https://huggingface.co:8443/a",
        "https://user@huggingface.co/a",
        "https://huggingface.co.evil.test/a",
        "file:///etc/passwd",
        "https://[bad/",
    ],
)
def test_redirects_lead_nowhere_else(site: Site, tmp_path: Path, target: str) -> None:
    site.target = target
    with pytest.raises(LoraHostRefused):
        fetch(site, "/to/a", tmp_path / "x.part", resolve=lambda host, port: ["8.8.8.8"])


def test_redirects_end(site: Site, tmp_path: Path) -> None:
    site.target = "/to/b"
    with pytest.raises(LoraNotHandedOut):
        fetch(site, "/to/a", tmp_path / "x.part")
    assert len(site.asked) == 6


def test_what_is_not_handed_out_is_said(site: Site, tmp_path: Path) -> None:
    with pytest.raises(LoraNotHandedOut) as refused:
        fetch(site, "/ok/other", tmp_path / "x.part")
    assert refused.value.params == {"host": "127.0.0.1", "status": 403}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "2001:0:7f00:1::",
        "ff02::1",
    ],
)
def test_names_that_lead_inside_are_not_followed(site: Site, tmp_path: Path, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    inside = Downloader(hosts=HOSTS, resolve=lambda host, port: ["8.8.8.8", address])
    with pytest.raises(LoraHostRefused):
        inside.fetch("https://huggingface.co/a", tmp_path / "x", MIB, lambda got, of: None)
    assert site.asked == []


def test_public_ones_are_public() -> None:
    assert all(map(is_public, map(ipaddress.ip_address, ("8.8.8.8", "2606:4700::1111"))))


def test_only_this_machine_counts_as_the_local_discord() -> None:
    assert loopback("http://127.0.0.1:8080/x") == "http://127.0.0.1:8080"
    for url in ("", "https://127.0.0.1", "http://10.0.0.1", "http://discord.com"):
        assert loopback(url) == ""


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        (
            " https://huggingface.co/u/r/blob/main/a.safetensors ",
            "https://huggingface.co/u/r/resolve/main/a.safetensors",
        ),
        (
            "https://civitai.com/models/12/ink?modelVersionId=345",
            "https://civitai.com/api/download/models/345",
        ),
        ("https://cdn-lfs.hf.co/x?y=z", "https://cdn-lfs.hf.co/x?y=z"),
    ],
)
def test_pages_stand_for_their_files(typed: str, url: str) -> None:
    assert checked(typed, HOSTS) == url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ink",
        "http://huggingface.co/a",
        "ftp://huggingface.co/a",
        "https://",
        "https://a@huggingface.co/a",
        "https://huggingface.co:80/a",
        "https://huggingface.co:99999/a",
        "https://huggingface.co/a b",
        "https://huggingface.co/\0",
        "https://[::1",
        "https://huggingface.co/" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused_at_once(typed: str) -> None:
    with pytest.raises(LoraUrlInvalid):
        checked(typed, HOSTS)


@pytest.mark.parametrize("host", ["example.com", "huggingface.co.evil.test", "127.0.0.1", "hf.co"])
def test_other_hosts_are_refused_at_once(host: str) -> None:
    with pytest.raises(LoraHostRefused):
        checked(f"https://{host}/a", HOSTS)


def test_the_connection_goes_where_was_looked_and_tls_asks_for_the_name(tmp_path: Path) -> None:
    """Reach a site by a name that only our resolver knows, whose certificate is for that name."""
    ours, trust = _certificate(tmp_path, "files.hf.co")
    with web.running(ours) as site:
        site.files["a"] = b"whole"
        port = int(site.url.rpartition(":")[2])
        names = {"resolve": lambda host, port: ["127.0.0.1"], "is_public": lambda address: True}
        reached = Downloader(hosts=HOSTS, trust=trust, port=port, pause_s=0.01, **names)
        reached.fetch("https://files.hf.co/ok/a", tmp_path / "x.part", MIB, lambda got, of: None)
        assert (tmp_path / "x.part").read_bytes() == b"whole"
        with pytest.raises(LoraFetchCut):
            reached.fetch("https://other.hf.co/ok/a", tmp_path / "y", MIB, lambda got, of: None)


def test_a_proxy_of_the_environment_is_asked_by_name_and_resolves_it_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise AssertionError(host)

    ours, trust = _certificate(tmp_path, "files.hf.co")
    with web.running(ours) as site, tunnel.running(int(site.url.rpartition(":")[2])) as proxy:
        site.files["a"] = bytes(range(256)) * 4000
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        through = Downloader(hosts=HOSTS, trust=trust, pause_s=0.01, resolve=nowhere)
        to = tmp_path / "x.part"
        through.fetch("https://files.hf.co/cut/a", to, MIB, lambda got, of: None)
        assert to.read_bytes() == site.files["a"]
        assert {host for host, _ in proxy.asked} == {"files.hf.co:443"}
        assert all(password.startswith("Basic ") for _, password in proxy.asked)
        proxy.asked.clear()
        site.target = "https://169.254.169.254/a"
        with pytest.raises(LoraHostRefused):
            through.fetch("https://files.hf.co/to/a", to, MIB, lambda got, of: None)
        assert {host for host, _ in proxy.asked} == {"files.hf.co:443"}
        proxy.leads_to = None
        with pytest.raises(LoraFetchCut):
            through.fetch("https://files.hf.co/ok/a", to, MIB, lambda got, of: None)


def _certificate(folder: Path, name: str) -> tuple[Any, Any]:
    import datetime
    import ssl

    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    itself = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return ours, ssl.create_default_context(cafile=str(folder / "cert.pem"))
