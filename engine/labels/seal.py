"""The signature under a file's labels: C2PA, with the host's own certificate.

Nothing is fetched: a stranger's file may name any address.
"""

import io
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import c2pa
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from PIL import Image

from engine.labels.errors import CertificateUnusable
from engine.labels.xmp import GENERATED

MIME = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
MANIFEST = b"c2pa"
"""What every signed file has in it: how its signature's box is called."""
GENERATOR = {"name": "Reroll"}
AWAY_S = 300.0
"""A silent time server costs half a minute each time, and pictures wait for each other."""
QUIET = {
    # A thumbnail would cost more than the picture.
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}

log = structlog.get_logger()


class Signature(StrEnum):
    """What a file's signature is worth; a key of its text."""

    NONE = "none"
    OURS = "ours"
    OTHER = "other"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature, and who signed as far as that can be told."""

    signature: Signature
    signer: str = ""


UNSIGNED = Signed(Signature.NONE)


@dataclass(slots=True)
class _Absence:
    """Until when a time server that gave no time is left alone."""

    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Seal:
    """A chain of certificates and the key of its first; `time_server` proves when it signed."""

    chain: str = field(repr=False)
    key: bytes = field(repr=False)
    time_server: str = ""
    _absence: _Absence = field(default_factory=_Absence, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, chain: Path, key: Path, time_server: str = "") -> "Seal":
        """Read the files and sign once with them. Raises CertificateUnusable."""
        try:
            seal = cls(chain.read_text("ascii"), key.read_bytes(), time_server)
            seal._sign(_speck(), "png", "trial", time_server="")
        except OSError as error:
            raise CertificateUnusable(f"cannot read {error.filename}") from error
        except (ValueError, TypeError, c2pa.C2paError) as error:
            # What the library says of a key may hold a part of it.
            reason = str(error).split("\n")[0][:120] if isinstance(error, c2pa.C2paError) else ""
            raise CertificateUnusable(
                f"{chain} and its key cannot sign. {reason}".strip()
            ) from None
        return seal

    @property
    def serial(self) -> str:
        """Return the number of the certificate that signs."""
        return str(x509.load_pem_x509_certificate(self.chain.encode()).serial_number)

    @property
    def until(self) -> datetime:
        """Return when the certificate that signs ends."""
        return x509.load_pem_x509_certificate(self.chain.encode()).not_valid_after_utc

    def signed(self, content: bytes, kind: str, title: str) -> bytes:
        """Return the file with a signature, the last thing that is ever put into it.

        Where no signature can be had the file stays as it is: it is labelled all the same.
        """
        for server in dict.fromkeys((self._server(), "")):
            try:
                return self._sign(content, kind, title, time_server=server)
            except c2pa.C2paError as error:
                if server:
                    self._absence.until = time.monotonic() + AWAY_S
                log.warning(
                    "not signed", title=title, timed=bool(server), error=type(error).__name__
                )
        return content

    def _server(self) -> str:
        return "" if time.monotonic() < self._absence.until else self.time_server

    def _sign(self, content: bytes, kind: str, title: str, *, time_server: str) -> bytes:
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(
                _algorithm(self.key).encode(), self.chain.encode(), self.key, time_server or None
            )
        )
        context = c2pa.Context.from_dict(QUIET)
        out = io.BytesIO()
        with signer, context, c2pa.Builder.from_json(json.dumps(_manifest(title)), context) as made:
            made.sign(signer, MIME[kind], io.BytesIO(content), out)
        return out.getvalue()


def check(content: bytes, kind: str, seal: Seal | None) -> Signed:
    """Return what a stranger's file is signed with."""
    settings: dict[str, Any] = dict(QUIET)
    if seal:
        settings["trust"] = {"trust_anchors": seal.chain}
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(MIME[kind], io.BytesIO(content), context=context)
            if reader is None:
                return UNSIGNED
            with reader:
                return _judged(reader, seal)
    except (c2pa.C2paError, ValueError, UnicodeDecodeError):
        # A file that is cut off or no picture raises too, and need never have been signed.
        return Signed(Signature.BROKEN) if MANIFEST in content else UNSIGNED


def _judged(reader: c2pa.Reader, seal: Seal | None) -> Signed:
    said = (reader.get_active_manifest() or {}).get("signature_info", {})
    signer = " · ".join(str(said[key])[:80] for key in ("issuer", "common_name") if said.get(key))
    state = reader.get_validation_state()
    if state not in ("Valid", "Trusted"):
        return Signed(Signature.BROKEN, signer)
    is_ours = seal and state == "Trusted" and said.get("cert_serial_number") == seal.serial
    return Signed(Signature.OURS if is_ours else Signature.OTHER, signer)


def _manifest(title: str) -> dict[str, Any]:
    created = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    return {
        "claim_generator_info": [GENERATOR],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def _algorithm(key: bytes) -> str:
    """Return C2PA's name for what a key signs with. Raises ValueError for other keys."""
    match load_pem_private_key(key, password=None):
        case ec.EllipticCurvePrivateKey() as curved if curved.curve.name in CURVES:
            return CURVES[curved.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey():
            return "ps256"
    raise ValueError("no key that C2PA knows")


def _speck() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    return file.getvalue()
