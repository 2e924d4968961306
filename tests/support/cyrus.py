"""The server's side of SASL by Cyrus SASL, in this process: the library that Postfix and Cyrus IMAP use, with no server around it."""

import ctypes
import ctypes.util
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from smtp_shell.protocol.sasl import ChannelBinding

REALM = "mail.example.org"
USER, PASSWORD = "student", "correct horse"
PACKAGES = "apt-get install sasl2-bin libsasl2-modules libsasl2-modules-db"

_OK, _CONTINUE, _FAIL = 0, 1, -1
_GETOPT, _LIST_END = 1, 0
_BINDING, _SSF_EXTERNAL, _AUTH_EXTERNAL = 21, 100, 102

_GetOpt = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_char_p),
    ctypes.POINTER(ctypes.c_uint),
)


class _Callback(ctypes.Structure):
    _fields_ = (("id", ctypes.c_ulong), ("proc", ctypes.c_void_p), ("context", ctypes.c_void_p))


class _Binding(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("critical", ctypes.c_int),
        ("len", ctypes.c_ulong),
        ("data", ctypes.c_char_p),
    )


def why_not() -> str | None:
    """Return why the library cannot be used here and what to do, or None if it can."""
    if ctypes.util.find_library("sasl2") is None or shutil.which("saslpasswd2") is None:
        return f"libsasl2 or saslpasswd2 not found; install with: {PACKAGES}"
    return None


class Cyrus:
    """The library with one user. It keeps what it was first begun with, so that a process has one of these: `the_library()`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smtp-shell-cyrus-")
        database = Path(self._folder.name) / "sasldb2"
        made = ["saslpasswd2", "-p", "-c", "-f", str(database), "-u", REALM, USER]
        subprocess.run(made, input=PASSWORD.encode(), check=True, timeout=60, capture_output=True)
        self._options: Mapping[bytes, bytes] = {
            b"auxprop_plugin": b"sasldb",
            b"sasldb_path": str(database).encode(),
            b"pwcheck_method": b"auxprop",
            b"log_level": b"0",
        }
        name = ctypes.util.find_library("sasl2")
        assert name is not None
        self.library = ctypes.CDLL(name)
        self._getopt = _GetOpt(self._option)
        proc = ctypes.cast(self._getopt, ctypes.c_void_p)
        self.callbacks = (_Callback * 2)(_Callback(_GETOPT, proc, None), _Callback(_LIST_END, None, None))
        assert self.library.sasl_server_init(self.callbacks, b"smtp-shell-tests") == _OK

    def _option(self, context: object, plugin: object, option: bytes, result: "object", length: object) -> int:
        found = self._options.get(option)
        if found is None:
            return _FAIL
        result[0] = found  # type: ignore[index]
        if length:
            length[0] = len(found)  # type: ignore[index]
        return _OK

    def begin(self, binding: ChannelBinding | None = None, external: str = "") -> "CyrusExchange":
        """Return the server's side of one exchange.

        Args:
            binding: What belongs to the TLS connection as the server sees it; None for none.
            external: Who has shown a client certificate; empty for nobody.
        """
        return CyrusExchange(self, binding, external)


@cache
def the_library() -> Cyrus:
    """Return the library, begun once."""
    return Cyrus()


class CyrusExchange:
    """The server's side of one exchange.

    Attributes:
        accepted: Whether the client is authenticated.
        detail: What the library says of a failure.
    """

    def __init__(self, cyrus: Cyrus, binding: ChannelBinding | None, external: str) -> None:
        self._cyrus = cyrus
        self._connection = ctypes.c_void_p()
        self._began = self.accepted = False
        self.detail = ""
        made = cyrus.library.sasl_server_new(
            b"smtp", REALM.encode(), REALM.encode(), None, None, cyrus.callbacks, 0, ctypes.byref(self._connection)
        )
        assert made == _OK
        if binding is not None:
            data = ctypes.create_string_buffer(binding.data, len(binding.data))
            self._kept = (data, _Binding(binding.name.encode(), 0, len(binding.data), ctypes.addressof(data)))
            pointer = ctypes.byref(self._kept[1])
            assert cyrus.library.sasl_setprop(self._connection, _BINDING, pointer) == _OK
        if external:
            strength = ctypes.c_uint(256)
            assert cyrus.library.sasl_setprop(self._connection, _SSF_EXTERNAL, ctypes.byref(strength)) == _OK
            assert cyrus.library.sasl_setprop(self._connection, _AUTH_EXTERNAL, external.encode()) == _OK

    def hear(self, mechanism: str, response: bytes | None) -> bytes | None:
        """Take a response; return the challenge to it, or None if the exchange is over.

        Args:
            mechanism: The mechanism.
            response: What the client sends, decoded; None where AUTH has no initial response.
        """
        library, challenge, length = self._cyrus.library, ctypes.c_char_p(), ctypes.c_uint()
        size = len(response) if response is not None else 0
        out = (ctypes.byref(challenge), ctypes.byref(length))
        if self._began:
            result = library.sasl_server_step(self._connection, response, size, *out)
        else:
            self._began = True
            result = library.sasl_server_start(self._connection, mechanism.encode(), response, size, *out)
        said = ctypes.string_at(challenge, length.value) if length.value else b""
        if result == _CONTINUE:
            return said
        self.accepted = result == _OK
        if not self.accepted:
            library.sasl_errdetail.restype = ctypes.c_char_p
            self.detail = (library.sasl_errdetail(self._connection) or b"").decode()
        # SMTP carries no data with a 235: what is said with success comes as a challenge before it (RFC 4422 section 4).
        if self.accepted and said:
            return said
        return None

    def close(self) -> None:
        """Free the connection."""
        self._cyrus.library.sasl_dispose(ctypes.byref(self._connection))
