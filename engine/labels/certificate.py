"""A certificate of one's own, to try signatures out: nobody else trusts it."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 825
CHAIN, KEY = "chain.pem", "key.pem"


def make(folder: Path, organisation: str, now: datetime) -> tuple[Path, Path]:
    """Write a chain and its key into a folder, never over others; return where they are.

    Raises FileExistsError.
    """
    authority, signing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name(organisation, "Reroll trial authority")
    root = _certificate((issuer, issuer), authority, authority.public_key(), now, is_authority=True)
    subject = _name(organisation, "Reroll trial")
    leaf = _certificate((issuer, subject), authority, signing.public_key(), now, is_authority=False)
    folder.mkdir(parents=True, exist_ok=True)
    chain, key = folder / CHAIN, folder / KEY
    # Created for its owner alone, before anything secret is in it.
    key.touch(mode=0o600, exist_ok=False)
    key.write_bytes(signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain.write_bytes(leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM))
    return chain, key


def _name(organisation: str, common: str) -> x509.Name:
    values = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in values])


def _certificate(
    names: tuple[x509.Name, x509.Name],
    signing: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    *,
    is_authority: bool,
) -> x509.Certificate:
    built = (
        x509.CertificateBuilder(*names, public, x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        built = built.add_extension(purpose, critical=False)
    return built.sign(signing, SHA256())


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
