"""The TLS library of this Python, and the authorities that it trusts: facts for `smtp-shell doctor`."""

from __future__ import annotations

import os
import ssl
import sys
import warnings
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_MENDED = (3, 11, 5)
"""The first release of Python, of those that smtp-shell runs on, that refuses what is sent to a TLS socket before its handshake."""


class TlsLibrary(Struct, frozen=True):
    """The TLS library.

    Args:
        version: Its own name and version.
        versions: The versions of TLS that it can do, lowest first.
        reads_too_early: Whether this Python may take octets for protected that came before the handshake (CVE-2023-40217).
    """

    version: str
    versions: tuple[str, ...]
    reads_too_early: bool


class TrustStore(Struct, frozen=True):
    """The authorities that certificates are checked against, where no `--ca-file` names others.

    Args:
        number: How many there are.
        places: Where they come from: files and folders, or the system's store.
        named_by: The environment variables that name these places.
    """

    number: int
    places: tuple[str, ...]
    named_by: tuple[str, ...]


def tls_library() -> TlsLibrary:
    """Return what there is to know about the library."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # for TLS 1.0 and 1.1
        can: dict[str, bool] = {
            "1.0": ssl.HAS_TLSv1,
            "1.1": ssl.HAS_TLSv1_1,
            "1.2": ssl.HAS_TLSv1_2,
            "1.3": ssl.HAS_TLSv1_3,
        }
    early = sys.version_info[:3] < _MENDED
    return TlsLibrary(ssl.OPENSSL_VERSION, tuple(name for name, is_there in can.items() if is_there), early)


def trust_store() -> TrustStore:
    """Return the authorities that are trusted.

    Raises:
        OSError: The file of the authorities cannot be read.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    named = tuple(name for name in (paths.openssl_cafile_env, paths.openssl_capath_env) if os.environ.get(name))
    number = context.cert_store_stats()["x509_ca"]
    if sys.platform == "win32":
        return TrustStore(number, ("the certificate store of Windows",), named)
    # Those of a folder are read when a certificate asks for them, so the library has not counted them.
    in_folder = _hashes(paths.capath) if not number else 0
    places = tuple(place for place in (paths.cafile, paths.capath) if place)
    return TrustStore(number or in_folder, places, named)


def _hashes(folder: str | None) -> int:
    """Return how many authorities a folder has: OpenSSL finds one by the hash of its name, such as `4a6481c9.0`."""
    return sum(1 for _ in _names(folder)) if folder is not None else 0


def _names(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, _, number = entry.name.rpartition(".")
                if len(stem) == 8 and number.isascii() and number.isdigit():
                    yield entry.name
    except OSError:  # a folder that is not there is the usual case
        return
