"""MTA-STS: a domain's demand that mail to it goes over verified TLS, and to hosts that it names.

The record is a TXT record in the DNS, the policy a small file over HTTPS. What they say is parsed here, purely; `fetch` gets the file.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError
from smtp_shell.figures import plain
from smtp_shell.net.dane import covers
from smtp_shell.net.in_time import in_time
from smtp_shell.net.tls_context import make_context
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape, escape_str, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPResponse
    from pathlib import Path

    from smtp_shell.net.name_server import NameServer

MODES = ("enforce", "testing", "none")
_MOST_OCTETS = 64 * 1024  # RFC 8461 section 3.3 recommends this limit
_MOST_HOSTS = 200
_MOST_SECONDS = 31_557_600  # a year, the most that max_age may be
_ID = re.compile(rb"[A-Za-z0-9]{1,32}")
_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*\.?")
_LONGEST_SHOWN = 100
_PATH = "/.well-known/mta-sts.txt"


class StsPolicy(Struct, frozen=True):
    """A policy.

    Args:
        mode: `enforce`, `testing` or `none`.
        hosts: The hosts that mail may go to; an asterisk stands for a first label.
        max_age: For how many seconds it holds.
        id: That of the record; empty where it was not asked for.
    """

    mode: str
    hosts: tuple[str, ...]
    max_age: int
    id: str = ""

    def allows(self, host: str) -> bool:
        """Return whether mail may go to a host.

        Args:
            host: Name of a mail exchanger.

        Source: RFC 8461 section 4.1
        """
        return any(covers(pattern, host) for pattern in self.hosts)


class StsFailed(Struct, frozen=True):
    """There is no policy that can be used.

    Args:
        reason: Why, in words, printable.
        is_absent: Whether the domain has no MTA-STS at all, which is no fault.
    """

    reason: str
    is_absent: bool = False


def parse_record(texts: Sequence[bytes]) -> str | StsFailed:
    """Return the id of the record of a domain, or why there is none.

    Args:
        texts: The TXT records at `_mta-sts.DOMAIN`, the strings of each joined.

    Source: RFC 8461 section 3.1
    """
    found = [text for text in texts if re.match(rb"v=STSv1[ \t]*;", text)]
    if not found:
        return StsFailed("there is no MTA-STS record", is_absent=True)
    if len(found) > 1:
        return StsFailed(f"there are {len(found)} MTA-STS records, so that none counts")
    for field in found[0].split(b";")[1:]:
        name, _, value = field.strip(b" \t").partition(b"=")
        if name.strip(b" \t") == b"id":
            value = value.strip(b" \t")
            if _ID.fullmatch(value):
                return value.decode("ascii")
            return StsFailed(f"the id of the MTA-STS record is {quoted(escape(value[:64]))}, not letters and digits")
    return StsFailed("the MTA-STS record has no id")


def parse_policy(octets: bytes, id: str = "") -> StsPolicy | StsFailed:
    """Return the policy in a file, or why it is none.

    Args:
        octets: The file.
        id: That of the record.

    Source: RFC 8461 section 3.2
    """
    fields: dict[str, str] = {}
    hosts: list[str] = []
    for line in octets.replace(b"\r\n", b"\n").split(b"\n"):
        text = escape(line).strip(" ")
        if not text:
            continue
        name, colon, value = text.partition(":")
        name, value = name.strip(" "), value.strip(" ")
        if not colon:
            return StsFailed(f"a line of the MTA-STS policy is no field: {quoted(text[:64])}")
        if name == "mx":
            hosts.append(value)
        else:
            fields.setdefault(name, value)  # the first of each counts
    if fields.get("version") != "STSv1":
        return StsFailed("the MTA-STS policy does not say version: STSv1")
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if mode not in MODES:
        return StsFailed(f"the mode of the MTA-STS policy is {quoted(mode[:64])}, not {', '.join(MODES)}")
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > _MOST_SECONDS:
        return StsFailed(
            f"the max_age of the MTA-STS policy is {quoted(age[:64])}, not seconds from 0 to {_MOST_SECONDS}"
        )
    if wrong := next((host for host in hosts if not _HOST.fullmatch(host)), None):
        return StsFailed(f"the MTA-STS policy names {quoted(wrong[:64])}, which is no host")
    if mode != "none" and not hosts:
        return StsFailed("the MTA-STS policy names no host")
    if len(hosts) > _MOST_HOSTS:
        return StsFailed(f"the MTA-STS policy names {len(hosts)} hosts, more than {_MOST_HOSTS}")
    return StsPolicy(mode, tuple(hosts), int(age), id)


def look_up(
    domain: str, server: NameServer | None, seconds: float, web: PolicyServer | None = None
) -> StsPolicy | StsFailed:
    """Return the policy of a domain: its record, and then the file.

    Args:
        domain: The domain, in ASCII.
        server: The resolver; None for the system's.
        seconds: How long both may take together.
        web: Where the file is; None for where RFC 8461 puts it.

    Raises:
        ConnectFailed: The resolver did not answer, or the web server has no address.

    Source: RFC 8461 section 3
    """
    from smtp_shell.net.dns import ask_addresses, ask_texts

    deadline = time.monotonic() + seconds
    texts, _ = ask_texts(f"_mta-sts.{domain}", server, deadline)
    found = parse_record(texts)
    if isinstance(found, StsFailed):
        return found
    web = web or PolicyServer()
    if server is not None and not web.address:
        web = replace(web, address=ask_addresses(f"mta-sts.{domain.removesuffix('.')}", server, deadline)[-1])
    return fetch(domain, max(deadline - time.monotonic(), 0.01), found, web)


def fetch(domain: str, seconds: float, id: str = "", web: PolicyServer | None = None) -> StsPolicy | StsFailed:
    """Return the policy in the file of a domain, or why there is none. Redirects are not followed.

    Args:
        domain: The domain, in ASCII.
        seconds: How long it may take.
        id: That of the record.
        web: Where the file is; None for where RFC 8461 puts it.

    Source: RFC 8461 section 3.3
    """
    request = _Request(f"mta-sts.{domain.removesuffix('.')}", seconds, web or PolicyServer())
    try:
        found = in_time(request.run, time.monotonic() + seconds, "mta-sts")
    except TimeoutError:
        return StsFailed(f"{request.what} did not come within {plain(seconds, 2)} s")
    except OSError as error:  # of the thread: the request has words for its own
        return StsFailed(f"{request.what} could not be asked for: {reason_of(error)}")
    finally:
        request.close()
    return found if isinstance(found, StsFailed) else parse_policy(found, id)


class PolicyServer(Struct, frozen=True):
    """Where policies are fetched from. The defaults are those of RFC 8461.

    Args:
        address: Address of the web server; empty for that of `mta-sts.DOMAIN`.
        port: Its port.
        ca_file: The authorities to trust; None for the system's.
    """

    address: str = ""
    port: int = 443
    ca_file: Path | None = None


class _Request:
    """One request for a policy, run in a thread of its own, because a server may send its answer octet by octet."""

    def __init__(self, host: str, seconds: float, web: PolicyServer) -> None:
        self.what = f"the MTA-STS policy at https://{escape_str(host)}{_PATH}"
        self._host = host
        self._seconds = seconds
        self._web = web
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Close the connection, which ends the thread too."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def run(self) -> bytes | StsFailed:
        """Return the file, or why there is none."""
        from http.client import HTTPException

        try:
            return self._get()
        except ssl.SSLError as error:
            reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
            return StsFailed(
                f"{self.what}: TLS failed: {escape_str(reason or 'unknown reason').replace('_', ' ').lower()}"
            )
        except ConfigError as error:
            return StsFailed(f"{self.what}: {error.message.removesuffix('.')}")
        except (HTTPException, ValueError) as error:
            return StsFailed(
                f"{self.what}: the answer is no HTTP: {escape_str(str(error)[:_LONGEST_SHOWN]) or type(error).__name__}"
            )
        except OSError as error:
            return StsFailed(f"{self.what}: {reason_of(error)}")

    def _get(self) -> bytes | StsFailed:
        from http.client import HTTPConnection

        context = make_context(TlsSettings(ca_file=self._web.ca_file))
        raw = socket.create_connection((self._web.address or self._host, self._web.port), timeout=self._seconds)
        self._socket = raw
        self._socket = context.wrap_socket(raw, server_hostname=self._host)
        connection = HTTPConnection(self._host, timeout=self._seconds)
        connection.sock = self._socket
        connection.request("GET", _PATH, headers={"Accept": "text/plain"})
        return self._read(connection.getresponse())

    def _read(self, response: HTTPResponse) -> bytes | StsFailed:
        if 300 <= response.status < 400:
            return StsFailed(f"{self.what}: the server answers {response.status}, and redirects are not followed")
        if response.status != 200:
            return StsFailed(f"{self.what}: the server answers {response.status}")
        kind = response.headers.get_content_type()
        if kind != "text/plain":
            return StsFailed(f"{self.what} is {quoted(escape_str(kind[:_LONGEST_SHOWN]))}, not text/plain")
        octets = response.read(_MOST_OCTETS + 1)
        if len(octets) > _MOST_OCTETS:
            return StsFailed(f"{self.what} is longer than {_MOST_OCTETS} octets")
        return octets
