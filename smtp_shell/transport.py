"""Octets to a server and back: TCP, Unix sockets and programs, in the clear or inside TLS. It knows no SMTP.

Every wait is cut into short ticks, so that Ctrl-C works at once on every platform, and one deadline spans the whole of it. TLS runs
over memory buffers of our own: what a server sent before the handshake is never lost inside somebody else's buffer.
"""

import contextlib
import os
import select
import shlex
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError, ConnectFailed, ConnectionLost, ProtocolViolation, TlsFailed, WaitTimedOut
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.target import Target, Way

TICK = 0.2
CHUNK = 64 * 1024
_RECEIVE_AHEAD = 1024 * 1024


class Transport:
    """An open connection. Make one with `connect`.

    Args:
        sock: The connected socket; it becomes non-blocking.
        peer: The address that answered, escaped.
        child: The program at the other end of a pipe.
    """

    def __init__(self, sock: socket.socket, peer: str, child: "subprocess.Popen[bytes] | None" = None) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._child = child
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ahead = bytearray()
        self._eof = False
        self.peer = peer
        self.truncated = False

    @property
    def in_tls(self) -> bool:
        """Whether the connection is inside TLS."""
        return self._tls is not None

    def send(self, octets: bytes, seconds: float) -> None:
        """Send all of it; what the server says meanwhile is kept.

        Args:
            octets: What to send.
            seconds: How long each 64 KiB may take.

        Raises:
            WaitTimedOut: The server stopped reading.
            ConnectionLost: The connection broke.
            TlsFailed: TLS broke.
        """
        view = memoryview(octets)
        for start in range(0, len(view), CHUNK):
            piece: bytes | memoryview = view[start : start + CHUNK]
            if self._tls is not None:
                piece = self._encrypt(piece)
            self._send_raw(piece, time.monotonic() + seconds, f"the server read nothing for {seconds:g} s")

    def recv(self, deadline: float) -> bytes | None:
        """Wait for octets.

        Args:
            deadline: When to stop waiting, on the clock of `time.monotonic`; in the past to look without waiting.

        Returns:
            What came; `b""` when the server sends no more, None when nothing came in time.

        Raises:
            ConnectionLost: The connection broke.
            TlsFailed: TLS broke.
        """
        if self._tls is None:
            return self._recv_raw(deadline)
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                self._flush(deadline)
                raw = self._recv_raw(deadline)
                if raw is None:
                    return None
                self._feed(raw)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                self.truncated = True
                return b""
            except ssl.SSLError as error:
                raise TlsFailed(f"TLS broke: {_alert(error)}; the server may want a client certificate.") from None

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        """Do the TLS handshake.

        Args:
            settings: How to do it.
            name: The name to check the certificate against.
            seconds: How long the whole handshake may take.
            implicit: Whether TLS begins with the first octet, and not after STARTTLS.

        Raises:
            TlsFailed: It was refused, failed, took too long, or the certificate could not be verified.
            ProtocolViolation: Text in the clear came in place of the handshake, after STARTTLS.
            ConnectionLost: The connection broke.
        """
        context = make_context(settings)
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        deadline = time.monotonic() + seconds
        first = True
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(deadline)
            except ssl.SSLCertVerificationError as error:
                self._flush(deadline)
                raise TlsFailed(why_unverified(error, name)) from None
            except ssl.SSLError as error:
                self._flush(deadline)
                raise TlsFailed(_handshake_failure(error)) from None
            raw = self._recv_raw(deadline)
            if raw is None:
                raise TlsFailed(
                    f"the TLS handshake did not end within {seconds:g} s; the server may not speak TLS here."
                )
            if first and raw and raw[0] not in _TLS_RECORDS:
                raise _plaintext(raw, implicit=implicit)
            first = False
            self._feed(raw)
        self._flush(deadline)
        self._tls = tls
        return _tls_facts(tls, settings, name)

    def close(self) -> None:
        """Close the connection as a client should; never waits and never fails."""
        with contextlib.suppress(OSError, ssl.SSLError, ConnectionLost, WaitTimedOut):
            if self._tls is not None:
                with contextlib.suppress(ssl.SSLWantReadError):
                    self._tls.unwrap()
                self._socket.send(self._outgoing.read())
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()
        self._reap()

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        self._reap()

    def _reap(self) -> None:
        if self._child is None:
            return
        try:
            self._child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _encrypt(self, piece: bytes | memoryview) -> bytes:
        assert self._tls is not None
        try:
            self._tls.write(piece)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS broke: {_alert(error)}.") from None
        return self._outgoing.read()

    def _feed(self, raw: bytes) -> None:
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

    def _flush(self, deadline: float) -> None:
        if self._outgoing.pending:
            self._send_raw(self._outgoing.read(), max(deadline, time.monotonic() + 1), "the server stopped reading")

    def _send_raw(self, octets: bytes | memoryview, deadline: float, stalled: str) -> None:
        view = memoryview(octets)
        while view:
            try:
                view = view[self._socket.send(view) :]
                continue
            except BlockingIOError:
                pass
            except OSError as error:
                raise _broken(error) from None
            wait = _tick(deadline)
            if wait is None:
                raise WaitTimedOut(f"{stalled}; the connection is of no more use.")
            readable, _ = _wait(
                self._socket, wait, write=True, read=len(self._ahead) < _RECEIVE_AHEAD and not self._eof
            )
            if readable:
                self._read_ahead()

    def _read_ahead(self) -> None:
        try:
            raw = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise _broken(error) from None
        self._ahead += raw
        self._eof = not raw

    def _recv_raw(self, deadline: float) -> bytes | None:
        if self._ahead:
            raw = bytes(self._ahead)
            self._ahead.clear()
            return raw
        while not self._eof:
            wait = _tick(deadline)
            readable, _ = _wait(self._socket, wait or 0)
            if not readable:
                if wait is None:
                    return None
                continue
            try:
                raw = self._socket.recv(CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from None
            self._eof = not raw
            return raw
        return b""


def connect(target: Target, seconds: float, *, source: str | None = None, family: int = 0) -> Transport:
    """Open a connection.

    Args:
        target: What to connect to.
        seconds: How long looking the name up and connecting may take in all.
        source: Local address to connect from.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.

    Raises:
        ConnectFailed: There is no connection.
    """
    if target.way is Way.PIPE:
        return _connect_pipe(target)
    deadline = time.monotonic() + seconds
    if target.way is Way.UNIX:
        return _connect_unix(target, deadline)
    problem = "it has no address"
    for kind, address in _look_up(target, deadline, family):
        try:
            sock = _connect_one(kind, address, deadline, source)
        except OSError as error:
            problem = _reason(error)
            continue
        return Transport(sock, _address(address))
    raise ConnectFailed(f"no connection to {target}: {problem}; {_advice(target)}")


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the TLS settings into a context: verification on, TLS 1.2 at least, unless told otherwise.

    Raises:
        ConfigError: A file cannot be read, or a version or cipher is unknown.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"--ca-file {settings.ca_file}: no certificates can be read from it; give a PEM file."
        ) from None
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = _version(settings.minimum, "--tls-min")
    if settings.maximum:
        context.maximum_version = _version(settings.maximum, "--tls-max")
    if settings.ciphers:
        try:
            context.set_ciphers(settings.ciphers)
        except ssl.SSLError:
            raise ConfigError(f"--ciphers {escape_str(settings.ciphers)}: OpenSSL knows no such cipher.") from None
    if settings.client_cert:
        try:
            context.load_cert_chain(settings.client_cert, settings.client_key, password=_no_passphrase)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"--client-cert {settings.client_cert}: certificate and key cannot be read; give PEM files without a passphrase."
            ) from None
    return context


def why_unverified(error: ssl.SSLCertVerificationError, name: str) -> str:
    """Say which of chain, dates and name was found wrong, and what to do.

    Args:
        error: What OpenSSL said.
        name: The name the certificate was checked against.
    """
    reason = escape_str(error.verify_message)
    if error.verify_code in _NAME_CODES:
        return (
            f"the certificate's name is wrong: it is not for {escape_str(name)} ({reason}); connect by a name that it holds, "
            "or use --insecure to go on without verification."
        )
    if error.verify_code in _DATE_CODES:
        return (
            f"the certificate's dates are wrong: {reason}; check this machine's clock and tell the server's operator, "
            "or use --insecure to go on without verification."
        )
    return (
        f"the certificate's chain is not trusted: {reason}; give the authority's certificate with --ca-file FILE, "
        "or use --insecure to go on without verification."
    )


_NAME_CODES = frozenset({62, 63, 64})
_DATE_CODES = frozenset({9, 10, 13, 14})
_TLS_RECORDS = frozenset({20, 21, 22, 23})
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def _no_passphrase() -> str:
    """Stand in for OpenSSL's own question, which would hang a run that nobody watches."""
    return ""


def _version(text: str, option: str) -> ssl.TLSVersion:
    if text not in _VERSIONS:
        raise ConfigError(f"{option} {escape_str(text)}: no such version; use one of {', '.join(_VERSIONS)}.")
    return _VERSIONS[text]


def _tick(deadline: float) -> float | None:
    left = deadline - time.monotonic()
    return min(left, TICK) if left > 0 else None


def _wait_by_poll(sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False) -> tuple[bool, bool]:
    poll = select.poll()
    poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    for _, happened in poll.poll(seconds * 1000):
        broken = bool(happened & (select.POLLERR | select.POLLHUP))
        return read and bool(happened & select.POLLIN or broken), write and bool(happened & select.POLLOUT or broken)
    return False, False


def _wait_by_select(
    sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False
) -> tuple[bool, bool]:
    # Windows reports a refused connection in the third list only.
    readers, writers, broken = select.select(
        [sock] if read else [], [sock] if write else [], [sock] if write else [], seconds
    )
    return bool(readers), bool(writers or broken)


_Wait = Callable[..., tuple[bool, bool]]
# poll has no limit on descriptor numbers; Windows has only select, whose limit counts sockets there.
_wait: _Wait = _wait_by_poll if hasattr(select, "poll") else _wait_by_select


def _look_up(target: Target, deadline: float, family: int) -> list[tuple[int, Any]]:
    """Look the name up in a thread of its own: the system's call knows neither deadline nor Ctrl-C."""
    found: list[tuple[int, Any]] = []
    failure: list[str] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)
            found.extend((row[0], row[4]) for row in rows)
        except OSError as error:
            failure.append(_reason(error))
        except UnicodeError:
            failure.append("it is no valid host name")

    thread = threading.Thread(target=look_up, daemon=True, name="look-up")
    thread.start()
    while thread.is_alive():
        wait = _tick(deadline)
        if wait is None:
            raise ConnectFailed(
                f"no connection to {target}: the name was not found in time; check the name and the network."
            )
        thread.join(wait)
    if failure:
        raise ConnectFailed(f"no connection to {target}: {failure[0]}; check the name and the network.")
    return found


def _connect_one(kind: int, address: Any, deadline: float, source: str | None) -> socket.socket:
    sock = socket.socket(kind, socket.SOCK_STREAM)
    try:
        if source is not None:
            sock.bind((source, 0))
        _finish_connect(sock, address, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _finish_connect(sock: socket.socket, address: Any, deadline: float) -> None:
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
        return
    while True:
        wait = _tick(deadline)
        if wait is None:
            raise TimeoutError("it did not answer in time")
        _, writable = _wait(sock, wait, read=False, write=True)
        if writable:
            break
    status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if status:
        raise OSError(status, os.strerror(status))


def _connect_unix(target: Target, deadline: float) -> Transport:
    if not hasattr(socket, "AF_UNIX"):
        raise ConnectFailed(f"no connection to {target}: this platform has no Unix sockets; use lmtp://HOST:PORT.")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _finish_connect(sock, target.host, deadline)
    except OSError as error:
        sock.close()
        raise ConnectFailed(f"no connection to {target}: {_reason(error)}; check the path.") from None
    return Transport(sock, "")


def _connect_pipe(target: Target) -> Transport:
    if os.name == "nt":
        raise ConnectFailed(f"no connection to {target}: programs as servers need a POSIX system; use HOST:PORT.")
    try:
        words = shlex.split(target.host)
    except ValueError:
        raise ConnectFailed(f"no connection to {target}: the command has an open quote; close it.") from None
    ours, theirs = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if name != "SMTP_SHELL_PASSWORD"}
    try:
        child = subprocess.Popen(words, stdin=theirs.fileno(), stdout=theirs.fileno(), env=environment)
    except OSError as error:
        ours.close()
        raise ConnectFailed(f"no connection to {target}: {_reason(error)}; check the command.") from None
    finally:
        theirs.close()
    return Transport(ours, "", child)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    text = error.strerror or str(error)
    return escape_str(text[:1].lower() + text[1:])


def _advice(target: Target) -> str:
    if target.port == 25:
        return "many networks block port 25: try port 587 with --starttls, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."


def _address(address: Any) -> str:
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _broken(error: OSError) -> ConnectionLost:
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return ConnectionLost("the server dropped the connection.")
    return ConnectionLost(f"the connection broke: {_reason(error)}.")


def _alert(error: ssl.SSLError) -> str:
    reason = (error.reason or "unknown reason").lower().replace("_", " ")
    return escape_str(
        reason.replace("tlsv1 alert", "alert:").replace("sslv3 alert", "alert:").replace("tlsv13 alert", "alert:")
    )


def _handshake_failure(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed the connection in the middle of the TLS handshake; ask its operator, or try another port."
    if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"):
        return (
            "the TLS handshake failed: no common version; the server may be too old (--tls-min 1.0 allows it by name)."
        )
    return f"the TLS handshake failed: {_alert(error)}; compare versions and ciphers with the server's operator."


def _plaintext(raw: bytes, *, implicit: bool) -> TlsFailed | ProtocolViolation:
    shown = escape(raw[:80].partition(b"\n")[0].rstrip(b"\r"))
    if implicit:
        return TlsFailed(
            f'the server speaks in the clear here, not TLS: "{shown}"; connect without TLS, then use starttls.'
        )
    return ProtocolViolation(
        f'text in the clear came behind the 220 to STARTTLS, in place of the handshake: "{shown}"; '
        "somebody on the way may have put it there. The connection is closed."
    )


def _tls_facts(tls: ssl.SSLObject, settings: TlsSettings, name: str) -> TlsStarted:
    cipher = tls.cipher()
    der = tls.getpeercert(binary_form=True) or b""
    facts = tls.getpeercert() or {}
    certificate = _from_facts(facts, der) if facts else _from_der(der)
    return TlsStarted(
        tls.version() or "TLS", cipher[0] if cipher else "unknown", not settings.insecure, certificate, name
    )


_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "EMAIL",
}


def _from_facts(facts: Any, der: bytes) -> Certificate:
    return Certificate(
        subject=_distinguished_name(facts.get("subject", ())),
        issuer=_distinguished_name(facts.get("issuer", ())),
        names=tuple(str(value).encode("utf-8", "replace") for _, value in facts.get("subjectAltName", ())),
        not_before=str(facts.get("notBefore", "")).encode(),
        not_after=str(facts.get("notAfter", "")).encode(),
        serial=str(facts.get("serialNumber", "")).encode(),
        fingerprint=_fingerprint(der),
        pem=ssl.DER_cert_to_PEM_cert(der),
    )


def _distinguished_name(rdns: Any) -> bytes:
    parts = (f"{_SHORT_NAMES.get(kind, kind)}={value}" for rdn in rdns for kind, value in rdn)
    return ", ".join(parts).encode("utf-8", "replace")


def _from_der(der: bytes) -> Certificate:
    """Read a certificate that OpenSSL was told not to verify, and of which it therefore says nothing."""
    if not der:
        return Certificate()
    bare = Certificate(fingerprint=_fingerprint(der), pem=ssl.DER_cert_to_PEM_cert(der))
    try:
        from cryptography import x509

        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=certificate.subject.rfc4514_string().encode("utf-8", "replace"),
            issuer=certificate.issuer.rfc4514_string().encode("utf-8", "replace"),
            names=_alternative_names(certificate),
            not_before=certificate.not_valid_before_utc.strftime("%b %d %H:%M:%S %Y GMT").encode(),
            not_after=certificate.not_valid_after_utc.strftime("%b %d %H:%M:%S %Y GMT").encode(),
            serial=f"{certificate.serial_number:X}".encode(),
            fingerprint=bare.fingerprint,
            pem=bare.pem,
        )
    except (ImportError, ValueError):  # a certificate that cannot be read is still one that was sent
        return bare


def _alternative_names(certificate: Any) -> tuple[bytes, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value).encode("utf-8", "replace") for name in extension.value)


def _fingerprint(der: bytes) -> str:
    import hashlib

    return hashlib.sha256(der).hexdigest()
