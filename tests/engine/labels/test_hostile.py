"""Strangers' files and a host's wrong certificates: refused or read as nothing, never a crash."""

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from engine.labels import __main__ as command
from engine.labels import certificate, reading, xmp
from engine.labels import seal as seals
from engine.labels.aigc import Aigc
from engine.labels.errors import CertificateUnusable
from engine.labels.labelling import Labels
from engine.labels.seal import Seal, Signature
from engine.labels.settings import LabelSettings
from engine.labels.tags import Tags
from tests.engine.labels.conftest import certificates

BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/">
<T:AIGC>&b;</T:AIGC></x>"""


@given(at=st.integers(0, 10**6), put=st.binary(min_size=1, max_size=8), cut=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_as_far_as_it_goes(
    whole: bytes, labels: Labels, at: int, put: bytes, cut: int
) -> None:
    at %= len(whole)
    hurt = (whole[:at] + put + whole[at + len(put) :])[: len(whole) - cut % 200]
    signed = reading.read(hurt, labels).signed
    begins = whole.index(b"caBX")
    # Some bytes of the manifest's own frame are named by no hash, and say nothing of the picture.
    framed = begins <= at < begins + 4 + int.from_bytes(whole[begins - 4 : begins])
    assert hurt == whole or framed or signed.signature is not Signature.OURS


@given(
    content=st.binary(max_size=200), head=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
)
@settings(max_examples=60, deadline=None)
def test_noise_says_nothing(labels: Labels, content: bytes, head: bytes) -> None:
    found = reading.read(head + content, labels)
    assert (found.recipe, found.aigc) == (None, None)
    assert found.signed.signature in (Signature.NONE, Signature.BROKEN)


@pytest.mark.parametrize("packet", [BOMB, b"<", b"<a/>" * 9, b"\xff" * 50, b"x" * (xmp.LIMIT + 1)])
def test_a_hostile_packet_says_nothing(packet: bytes) -> None:
    assert xmp.read(packet) == xmp.Packet()


@pytest.mark.parametrize("kind", ["WEBP", "JPEG"])
def test_a_hostile_packet_in_a_picture_says_nothing(labels: Labels, kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind, xmp=BOMB)
    assert reading.read(out.getvalue(), labels) == reading.Found()


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{}", '{"AIGC": []}', "[" * 9999, "\0"])
def test_a_field_that_is_none_is_none(text: str) -> None:
    assert Aigc.read(text) is None


def test_what_a_stranger_writes_is_cut(whole: bytes) -> None:
    read = Aigc.read('{"Label":"1","ContentProducer":"' + "x" * 900 + '"}')
    assert read
    assert len(read.producer) == 200
    long = Tags("x" * 10**6, None).in_png(whole)
    assert len(reading.tags.read(long).recipe) <= 64 * 2**10 + 1
    assert reading.read(long, Labels()).recipe is None


@pytest.mark.parametrize(
    "hurt", ["no file", "no key", "other key", "not pem", "odd key", "expired"]
)
def test_a_certificate_that_cannot_sign_is_refused_at_the_start(hurt: str, tmp_path: Path) -> None:
    chain, key = certificates(tmp_path / "one")
    secret = key.read_text().splitlines()[1]
    if hurt == "no file":
        chain = tmp_path / "nothing.pem"
    elif hurt == "other key":
        _, key = certificates(tmp_path / "two")
    elif hurt == "expired":
        chain, key = certificates(tmp_path / "three", days=certificate.DAYS + 1)
    elif hurt == "odd key":
        odd = dsa.generate_private_key(1024)
        key.write_bytes(odd.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    else:
        (key if hurt == "no key" else chain).write_text("nonsense")
    with pytest.raises(CertificateUnusable) as refused:
        Seal.load(chain, key)
    assert secret not in str(refused.value)


def test_a_key_shows_in_no_repr(seal: Seal, labels: Labels) -> None:
    assert "BEGIN" not in f"{seal!r}{labels!r}"


def test_a_chain_goes_with_its_key(tmp_path: Path) -> None:
    chain, key = certificates(tmp_path)
    assert LabelSettings(c2pa_chain=chain, c2pa_key=key).labels().seal
    assert LabelSettings().labels().seal is None
    with pytest.raises(CertificateUnusable):
        LabelSettings(c2pa_chain=chain).labels()
    with pytest.raises(ValidationError):
        LabelSettings(visible_label="sometimes")  # type: ignore[arg-type]


def test_a_time_server_that_is_away_costs_no_signature(
    seal: Seal, labels: Labels, whole: bytes
) -> None:
    timed = Seal(seal.chain, seal.key, "http://127.0.0.1:9/")
    signed = timed.signed(whole, "png", "x")
    assert reading.read(signed, labels).signed.signature is Signature.OURS


def test_a_time_server_that_gives_none_is_left_alone_for_a_while(
    seal: Seal, labels: Labels, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(503)

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        timed = Seal(seal.chain, seal.key, f"http://127.0.0.1:{server.server_port}/")
        for _ in range(3):
            timed.signed(whole, "png", "x")
        first = len(asked)
        monkeypatch.setattr(seals, "AWAY_S", 0.0)
        timed = Seal(seal.chain, seal.key, timed.time_server)
        for _ in range(3):
            timed.signed(whole, "png", "x")
        server.shutdown()
        serving.join()
    assert first > 0
    assert len(asked) == first * 4


def test_the_command_makes_a_certificate_once_and_reads_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], whole: bytes
) -> None:
    command.main(["certificate", str(tmp_path / "trial")])
    assert "REROLL_C2PA_CHAIN=" in capsys.readouterr().out
    assert (tmp_path / "trial" / "key.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SystemExit):
        command.main(["certificate", str(tmp_path / "trial")])
    (tmp_path / "file.png").write_bytes(whole)
    command.main(["read", str(tmp_path / "file.png")])
    assert '"signature": "other"' in capsys.readouterr().out


def test_a_damaged_kept_file_is_handed_out_as_it_is(labels: Labels, whole: bytes) -> None:
    for hurt in (b"\x89PNG other pixels", whole[:-30], b""):
        assert labels.copy(hurt, "x", 10**6, "AI生成") == (hurt, "png")
