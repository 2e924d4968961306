"""`/tls` beside `openssl s_client -showcerts -status -tlsextdebug` on every server here, and beside what tshark reads in a capture."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_shell.net.tls_names import extension_name, group_name, scheme_name
from tests.support.chains import sign
from tests.support.s_server import OPENSSL, s_server
from tests.support.tshark import fields, needs_tshark
from tests.unit.cli.program import commands, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is not here")

# The server, and its port; how TLS begins there.
PLACES = {
    "postfix": ("smtp", "starttls"),
    "postfix-smtps": ("smtps", "implicit"),
    "exim": ("smtp", "starttls"),
    "exim-smtps": ("smtps", "implicit"),
    "dovecot": ("submission", "starttls"),
    "dovecot-submissions": ("submissions", "implicit"),
    "practice": ("port", "starttls"),
}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n")
_EXTENSION = re.compile(r'TLS server extension "[^"]*" \(id=(\d+)\)')
_OF_CURVES = {"prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def s_client(address: str, ca_file: Path, *options: str) -> str:
    assert OPENSSL is not None
    command = [OPENSSL, "s_client", "-connect", address, "-showcerts", "-status", "-tlsextdebug", *options]
    done = subprocess.run([*command, "-CAfile", str(ca_file)], input=b"", capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def views(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [each for line in done.stdout.splitlines() if (each := json.loads(line)).get("what") == "tls"]


def group_of(theirs: str) -> str:
    found = re.search(r"(?:Server|Peer) Temp Key: ([^\n]+)", theirs)
    assert found is not None
    words = found[1].split(", ")
    return _OF_CURVES.get(words[1], words[1]) if words[0] == "ECDH" else words[0]


def shown_name(name: str) -> str:
    """Return a distinguished name as we write it."""
    return name.replace(" = ", "=")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_missing(place: str, version: str, request: pytest.FixtureRequest) -> None:
    port, how = PLACES[place]
    server = request.getfixturevalue(place.partition("-")[0])
    host = getattr(server, "host", "127.0.0.1")
    address = f"{host}:{getattr(server, port)}"
    start = ["-starttls", "smtp"] if how == "starttls" else []
    theirs = s_client(address, server.ca_file, f"-tls{version.replace('.', '_')}", *start)
    target = [address, "--starttls"] if how == "starttls" else [f"smtps://{address}"]
    done = run(
        *target,
        *("--ca-file", str(server.ca_file), "--tls-max", version, "--json"),
        *commands("/tls --all", "/tls chain", "/tls ocsp"),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ours, _, asked = views(done)

    assert f"New, TLSv{version}, Cipher is {ours['cipher']}" in theirs
    assert (ours["version"], ours["resumed"]) == (f"TLSv{version}", False)
    assert ("Verify return code: 0 (ok)" in theirs) == (ours["outcome"] == "verified")
    sent = [link for link in ours["chain"] if link["sent"]] + ours.get("unused", [])
    assert [each["pem"] for each in sent] == _PEM.findall(theirs)
    names = re.findall(r"^ *(\d+) s:(.*)\n +i:(.*)\n", theirs, re.MULTILINE)
    assert [(link["subject"], link["issuer"]) for link in sent] == [
        (shown_name(subject), shown_name(issuer)) for _, subject, issuer in names
    ]
    assert ours["group"] == group_of(theirs)
    digest, kind = (re.search(rf"Peer {what}: (\S+)", theirs) for what in ("signing digest", "signature type"))
    assert kind is not None
    assert ours["scheme"].startswith(kind[1].lower().replace("-", "_"))
    assert digest is None or ours["scheme"].endswith(digest[1].lower())
    assert f"Server public key is {sent[0]['key'].get('bits')} bit" in theirs
    assert {extension_name(int(number)) for number in _EXTENSION.findall(theirs)} == set(ours.get("extensions", ()))
    assert ("No ALPN negotiated" in theirs) == ("alpn" not in ours)
    assert ("Compression: NONE" in theirs) == ("compression" not in ours)
    assert ("No client certificate CA names sent" in theirs) == (not ours.get("client_authorities"))
    if "Acceptable client certificate CA names" in theirs:
        listed = theirs.partition("Acceptable client certificate CA names\n")[2]
        listed = re.split(r"\n(?:Client Certificate Types|Requested Signature Algorithms)", listed)[0]
        assert ours["client_authorities"] == [shown_name(each) for each in listed.splitlines()]
    requested = re.search(r"\nRequested Signature Algorithms: (\S+)", theirs)
    assert len(requested[1].split(":") if requested else ()) == len(ours.get("client_schemes", ()))
    types = re.search(r"\nClient Certificate Types: ([^\n]+)", theirs)
    assert len(types[1].split(", ") if types else ()) == len(ours.get("client_key_types", ()))
    assert ("OCSP response: no response sent" in theirs) == ("staple" not in asked)
    if version == "1.2":
        assert ("Extended master secret: yes" in theirs) == ours["extended_master_secret"]
        assert ("Secure Renegotiation IS supported" in theirs) == ours["secure_renegotiation"]
        hint = re.search(r"TLS session ticket lifetime hint: (\d+)", theirs)
        assert ours.get("ticket", "none") == (f"for {int(hint[1]):,} s" if hint else "none")


@needs_tshark
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tshark_reads_the_same_in_the_handshake(version: str, tmp_path: Path) -> None:
    root = sign("Example Root", authority=True)
    middle = sign("Example Intermediate", root, authority=True)
    leaf = sign("mail.example.com", middle, names=("127.0.0.1",))
    ca, own, above, capture = (tmp_path / name for name in ("ca.pem", "own.pem", "above.pem", "live.pcapng"))
    ca.write_bytes(root.pem)
    own.write_bytes(leaf.key_pem + leaf.pem)
    above.write_bytes(middle.pem)
    options = ["-cert", str(own), "-key", str(own), "-cert_chain", str(above), "-verify", "1", "-CAfile", str(ca)]
    with s_server([*options, f"-tls{version.replace('.', '_')}", "-groups", "P-384:X25519"]) as address:
        done = run(f"smtps://{address}", "--ca-file", str(ca), "--capture", str(capture), "--json", *commands("/tls"))
    (ours,) = views(done)
    port = address.rpartition(":")[2]

    def read(name: str, kind: int = 0) -> list[str]:
        shown = f"tcp.srcport == {port} && tls.handshake" + (f" && tls.handshake.type == {kind}" if kind else "")
        return fields(capture, shown, f"tls.handshake.{name}", "-d", f"tcp.port=={port},tls")

    tls13 = version == "1.3"
    assert read("extensions.supported_version" if tls13 else "version") == ["0x0304" if tls13 else "0x0303"]
    assert ours["version"] == f"TLSv{version}"
    (suite,) = read("ciphersuite")
    assert ours["cipher"] == {"0x1302": "TLS_AES_256_GCM_SHA384", "0xc02c": "ECDHE-ECDSA-AES256-GCM-SHA384"}[suite]
    (group,) = read("extensions_key_share_group" if tls13 else "server_named_curve")
    assert ours["group"] == group_name(int(group, 0))
    ders = [x509.load_pem_x509_certificate(each["pem"].encode()).public_bytes(Encoding.DER) for each in ours["chain"]]
    assert read("certificate") == [der.hex() for der in ders[:2]]
    assert [each["sent"] for each in ours["chain"]] == [True, True, False]
    schemes = [scheme_name(int(each, 0)) for each in read("sig_hash_alg")]
    own_scheme = schemes.pop(-1 if tls13 else 0)  # CertificateVerify follows the request, ServerKeyExchange precedes it
    assert (ours["scheme"], ours["client_schemes"]) == (own_scheme, schemes)
    assert ours["extensions"] == [extension_name(int(number)) for number in read("extension.type")]
    hints = read("session_ticket_lifetime_hint")
    assert ours["ticket"] == f"for {int(hints[0]):,} s"
