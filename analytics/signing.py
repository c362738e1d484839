"""Documents signed with the home's Ed25519 key (RFC 8032), so that others can tell that this server wrote them.

What is signed is the document's canonical JSON without its `signature`: keys sorted, no spaces, UTF-8.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from analytics.columns import canonical
from analytics.errors import AnalyticsError

ALGORITHM = "Ed25519"
FOLDER = "signing"  # in the home
PRIVATE, PUBLIC = "private.pem", "public.pem"


class BadSignature(AnalyticsError):
    """A document is not what was signed, or not by this key."""


class BadKey(AnalyticsError):
    """A file holds no Ed25519 key."""


class Signer:
    """Open one with `Signer.open`. The public key is the file that is given to whoever shall check a document."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def open(cls, home: Path) -> Signer:
        """The key of the home, made where there is none, readable by its owner only. Raises BadKey."""
        folder = home / FOLDER
        if not (folder / PRIVATE).exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _keep(folder / PRIVATE, _private_pem(Ed25519PrivateKey.generate()), 0o600)
        signer = cls(_private_key(folder / PRIVATE))
        if not (folder / PUBLIC).exists():
            _keep(folder / PUBLIC, signer.public_key.encode(), 0o644)
        return signer

    @property
    def public_key(self) -> str:
        """The public key as PEM text."""
        return _public_pem(self._key.public_key())

    def sign(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The payload with its `signature` added. Raises TypeError or ValueError for what is not JSON."""
        value = self._key.sign(_signed(payload))
        signature = {
            "algorithm": ALGORITHM,
            "key_id": key_id(self.public_key),
            "value": base64.b64encode(value).decode(),
        }
        return {**payload, "signature": signature}


def verify(document: Mapping[str, Any], public_key: str) -> None:
    """Raises BadSignature unless the document is exactly what the holder of this key (PEM) signed; BadKey."""
    key, signature = _public_key(public_key), document.get("signature")
    if not isinstance(signature, Mapping) or signature.get("algorithm") != ALGORITHM:
        raise BadSignature(f"The document has no {ALGORITHM} signature.")
    if (other := signature.get("key_id")) != (own := key_id(public_key)):
        raise BadSignature(f"The document was signed with the key {other!r}, not with {own!r}.")
    try:
        key.verify(base64.b64decode(str(signature.get("value")), validate=True), _signed(document))
    except (InvalidSignature, ValueError, TypeError) as error:
        raise BadSignature("The signature does not fit the document: something in it was changed.") from error


def key_id(public_key: str) -> str:
    """The first 16 hex digits of the SHA-256 of a public key's 32 bytes. Raises BadKey."""
    return sha256(_public_key(public_key).public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _signed(document: Mapping[str, Any]) -> bytes:
    return canonical({name: value for name, value in document.items() if name != "signature"}).encode()


def _keep(path: Path, content: bytes, mode: int) -> None:
    """Write the file in one step; where two do, the first one's stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"{path} holds no private key; restore it from a backup, or move it away.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds a key of another kind than {ALGORITHM}.")
    return key


def _public_key(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise BadKey("That is no public key in PEM form; the one of a home is its signing/public.pem.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"That is a public key of another kind than {ALGORITHM}.")
    return key
