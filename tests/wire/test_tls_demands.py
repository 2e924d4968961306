"""`/tls dane` and `/tls sts` with a resolver and a web server on loopback, in a shell in this process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import parse_target
from smtp_shell.shell.settings import ShellOptions, ShellSettings
from smtp_shell.shell.shell import Shell
from tests.support.chains import Signed, sign
from tests.support.resolver import Resolver, resolving
from tests.support.s_server import OPENSSL, s_server
from tests.unit.net.test_mta_sts import DOMAIN, POLICY, answer, web
from tests.unit.shell.fake import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.net.mta_sts import PolicyServer

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is not here")

HOST = "localhost"
ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
LEAF = sign(HOST, MIDDLE, names=(HOST,))
RECORD = {(f"_mta-sts.{DOMAIN}", "TXT"): ['"v=STSv1; id=1"'], (f"mta-sts.{DOMAIN}", "A"): ["127.0.0.1"]}


def digest(signed: Signed) -> str:
    return hashlib.sha256(signed.der).hexdigest()


def asked(
    line: str,
    folder: Path,
    resolver: Resolver,
    zone: dict[tuple[str, str], list[str]],
    *,
    above: tuple[Signed, ...] = (MIDDLE, ROOT),
    policy_server: PolicyServer | None = None,
    insecure: bool = False,
) -> tuple[dict[str, Any], str]:
    """Return the check that a line was about, as an object, and what the screen shows. `PORT` in names stands for the server's port."""
    leaf, middle, ca = folder / "leaf.pem", folder / "above.pem", folder / "root.pem"
    leaf.write_bytes(LEAF.key_pem + LEAF.pem)
    middle.write_bytes(b"".join(each.pem for each in above))
    ca.write_bytes(ROOT.pem)
    screen = Screen()
    options = ShellOptions(
        tls=TlsSettings(ca_file=None if insecure else ca, insecure=insecure),
        connection=ConnectSettings(resolver=resolver.server),
        recording=False,
        policy_server=policy_server,
    )
    shell = Shell(screen, options, ShellSettings())
    with s_server(["-cert", str(leaf), "-key", str(leaf), "-cert_chain", str(middle)]) as address:
        port = address.rpartition(":")[2]
        answers = {(name.replace("PORT", port), kind): records for (name, kind), records in zone.items()}
        resolver.replace({(HOST, "A"): ["127.0.0.1"], **answers})
        shell.connect(parse_target(f"smtps://{HOST}:{port}"))
        try:
            shell.run(line)
        finally:
            shell.close()
    name = "dane" if "dane" in line else "mta-sts"
    (check,) = (each for each in screen.answers[-1]["checks"] if each["check"] == name)  # type: ignore[attr-defined]
    return check, screen.words


@pytest.mark.parametrize(
    ("records", "authenticated", "verdict", "words"),
    [
        ([f"2 0 1 {digest(ROOT)}"], True, "good", "certificate 2 of the chain is the anchor of 2 0 1"),
        ([f"2 0 1 {digest(MIDDLE)}"], True, "good", "certificate 1 of the chain is the anchor of 2 0 1"),
        ([f"2 0 1 {'0' * 64}"], True, "bad", "the server's certificates do not match: none of them is that of a TLSA"),
        ([f"2 0 1 {'0' * 64}", f"3 0 1 {digest(LEAF)}"], True, "good", "the server's own certificate matches 3 0 1"),
        ([f"2 0 1 {digest(ROOT)}"], False, "not known", "it does not count, since the answer is not authenticated"),
        ([f"1 0 1 {digest(LEAF)}"], True, "not known", "no TLSA record can be used: usage 1 is not for SMTP"),
        ([], True, "nothing demanded", "no TLSA record"),
    ],
)
def test_the_anchor_of_a_record_is_looked_for_in_the_chain_of_a_verified_server(
    records: list[str], authenticated: bool, verdict: str, words: str, tmp_path: Path
) -> None:
    zone = {(f"_PORT._tcp.{HOST}", "TLSA"): records} if records else {}
    with resolving({}, authenticated=authenticated) as resolver:
        check, shown = asked("/tls dane", tmp_path, resolver, zone)
    assert (check["verdict"], words in check["text"]) == (verdict, True), check
    assert words in shown
    assert ("do" in check) == (verdict == "bad")


def test_an_anchor_that_the_server_does_not_send_is_none(tmp_path: Path) -> None:
    zone = {(f"_PORT._tcp.{HOST}", "TLSA"): [f"2 0 1 {digest(ROOT)}"]}
    with resolving({}, authenticated=True) as resolver:
        check, _ = asked("/tls dane", tmp_path, resolver, zone, above=(MIDDLE,))
    assert check["verdict"] == "bad", check


def policy(*lines: str) -> bytes:
    return "\r\n".join(("version: STSv1", *lines, "max_age: 86400", "")).encode()


@pytest.mark.parametrize(
    ("lines", "insecure", "verdict", "words"),
    [
        (("mode: enforce", f"mx: {HOST}"), False, "good", "as the MTA-STS policy demands; enforce, for 86,400 s"),
        (("mode: enforce", f"mx: {HOST}"), True, "bad", "demands a certificate that can be verified"),
        (("mode: enforce", "mx: *.example.org"), False, "bad", "the MTA-STS policy does not name this host"),
        (("mode: testing", f"mx: {HOST}"), False, "good", "as the MTA-STS policy demands; testing, for 86,400 s"),
        (("mode: testing", "mx: mail.example.org"), False, "nothing demanded", "does not name this host; it is in testing"),
        (("mode: none",), False, "nothing demanded", "none, for 86,400 s: no host"),
    ],
)  # fmt: skip
def test_a_policy_is_fetched_and_compared(
    lines: tuple[str, ...], insecure: bool, verdict: str, words: str, tmp_path: Path
) -> None:
    with web(answer(policy(*lines)), tmp_path) as server, resolving({}) as resolver:
        check, shown = asked(f"/tls sts {DOMAIN}", tmp_path, resolver, RECORD, policy_server=server, insecure=insecure)
    assert (check["verdict"], words in check["text"]) == (verdict, True), check
    assert f"(policy of {DOMAIN})" in shown
    assert ("do" in check) == (verdict == "bad")


@pytest.mark.parametrize(
    ("octets", "name", "words"),
    [
        (answer(b"gone", "404 Not Found"), f"mta-sts.{DOMAIN}", "the server answers 404"),
        (answer(b"", "301 Moved", "text/plain", "Location: https://example.net/"), f"mta-sts.{DOMAIN}", "redirects"),
        (answer(POLICY), "other.example.org", "TLS failed: hostname mismatch"),
        (answer(b"\x1b]0;owned\x07"), f"mta-sts.{DOMAIN}", "\\x1b]0;owned\\x07"),
    ],
)
def test_a_policy_that_cannot_be_fetched_is_not_known_and_says_why(
    octets: bytes, name: str, words: str, tmp_path: Path
) -> None:
    with web(octets, tmp_path, name=name) as server, resolving({}) as resolver:
        check, shown = asked(f"/tls sts {DOMAIN}", tmp_path, resolver, RECORD, policy_server=server)
    assert (check["verdict"], words in check["text"]) == ("not known", True), check
    assert all(row.isprintable() for row in shown.split("\n"))


def test_the_web_server_is_looked_up_where_the_standard_puts_it(tmp_path: Path) -> None:
    zone = {(f"_mta-sts.{DOMAIN}", "TXT"): ['"v=STSv1; id=1"']}
    with resolving({}) as resolver:
        check, _ = asked(f"/tls sts {DOMAIN}", tmp_path, resolver, zone)
        names = [name for name, _, _ in resolver.asked]
    assert f"mta-sts.{DOMAIN}" in names
    assert (check["verdict"], f"mta-sts.{DOMAIN} was found" in check["text"]) == ("not known", True), check


def test_a_domain_without_a_record_demands_nothing(tmp_path: Path) -> None:
    with resolving({}) as resolver:
        check, _ = asked(f"/tls sts {DOMAIN}", tmp_path, resolver, {})
    assert (check["verdict"], check["text"][:28]) == ("nothing demanded", "there is no MTA-STS record (")
