"""What has to hold for certificates, handshakes and OCSP answers, whoever sends them."""

from collections.abc import Callable
from pathlib import Path

from smtp_shell.config import TlsSettings
from smtp_shell.display.tls_json import tls_object
from smtp_shell.display.tls_rows import all_rows, short_rows
from smtp_shell.net.certificate_facts import facts_of
from smtp_shell.net.staples import staple_of
from smtp_shell.net.tls_view import view_of
from smtp_shell.protocol.events import Certificate, Handshake, TlsStarted
from tests.fuzz.material import assert_seen

_SECRET = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
_NO_AUTHORITIES = TlsSettings(ca_file=Path("no such file"), insecure=True)


def handshakes(data: bytes) -> None:
    """Whatever a server sends in its part of a handshake, what is shown of it is printable. A line of a key log may stand before it."""
    line, _, rest = data.partition(b"\n") if data.startswith(_SECRET) else (b"", b"", data)
    facts = TlsStarted("TLS", "", False, Certificate(), "mail.example.com", handshake=Handshake(rest, line))
    view = view_of(facts, _NO_AUTHORITIES)
    for rows in (short_rows, all_rows):
        assert_seen(*[row.text for row in rows(view)])
    assert tls_object(view)["outcome"] == "unverified"


def certificates(data: bytes) -> None:
    """Whatever is sent as a certificate or an OCSP answer is read, or told to be none."""
    facts = facts_of(data)
    assert_seen(facts.problem, facts.subject, facts.issuer, facts.serial, str(facts.key), facts.signature)
    assert_seen(*facts.names, *facts.odd, *facts.ocsp, *facts.crls, *facts.issuer_urls, *facts.purposes)
    staple = staple_of(data, (data,))
    assert_seen(staple.problem, staple.responder, staple.serial, staple.reason)


TARGETS: dict[str, Callable[[bytes], None]] = {"certificates": certificates, "handshakes": handshakes}
