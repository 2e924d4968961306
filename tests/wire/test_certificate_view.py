"""`/tls` against `openssl s_server`, and side by side with `openssl s_client`: what the one shows, the other shows."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.chains import DAY, PrivateKey, Signed, sign
from tests.support.resolver import resolving
from tests.support.s_server import OPENSSL, s_server
from tests.unit.cli.program import at, commands, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postfix import Postfix

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is not here")

HOST = "127.0.0.1"
CHECKS = ["chain", "dates", "name", "purpose", "strength", "revocation", "dane", "mta-sts"]
ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
KEYS: dict[str, PrivateKey] = {
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
LEAVES = {
    name: sign("mail.example.com", MIDDLE, names=("mail.example.com", HOST), key=key) for name, key in KEYS.items()
}


class Files:
    """The files of a server, and of the client's authority."""

    def __init__(self, folder: Path, leaf: Signed) -> None:
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(ROOT.pem)
        self.leaf = folder / "leaf.pem"
        self.leaf.write_bytes(leaf.key_pem + leaf.pem)
        self.middle = folder / "middle.pem"
        self.middle.write_bytes(MIDDLE.pem)
        self.options = ["-cert", str(self.leaf), "-key", str(self.leaf), "-cert_chain", str(self.middle)]


def ocsp_answer(leaf: Signed, status: ocsp.OCSPCertStatus) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.certificate,
        issuer=MIDDLE.certificate,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=now - DAY,
        next_update=now + DAY,
        revocation_time=now - DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
        revocation_reason=x509.ReasonFlags.key_compromise if status is ocsp.OCSPCertStatus.REVOKED else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, MIDDLE.certificate)
    return builder.sign(MIDDLE.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def found(done: subprocess.CompletedProcess[bytes], what: str = "tls") -> dict[str, Any]:
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return next(each for each in objects if each.get("what") == what)


def s_client(address: str, files: Files, *options: str) -> str:
    assert OPENSSL is not None
    command = [
        OPENSSL,
        "s_client",
        "-connect",
        address,
        "-showcerts",
        "-CAfile",
        str(files.ca),
        "-verify_ip",
        HOST,
        *options,
    ]
    return subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False).stdout.decode()


@pytest.mark.parametrize("version", ["1_2", "1_3"])
@pytest.mark.parametrize("kind", KEYS)
def test_what_s_client_shows_is_shown(kind: str, version: str, tmp_path: Path) -> None:
    files = Files(tmp_path, LEAVES[kind])
    options = [*files.options, f"-tls{version}", "-verify", "1", "-CAfile", str(files.ca)]
    with s_server(options) as address:
        theirs = s_client(address, files)
    with s_server(options) as address:
        done = run(f"smtps://{address}", "--ca-file", str(files.ca), "--json", *commands("/tls"))
    ours = found(done)
    assert (done.returncode, ours["exit_status"]) == (0, 0)
    assert f"New, TLSv{version.replace('_', '.')}, Cipher is {ours['cipher']}" in theirs
    assert ours["version"] == f"TLSv{version.replace('_', '.')}"
    assert "Verification: OK" in theirs
    assert ours["outcome"] == "verified"
    for number, link in enumerate(ours["chain"][:2]):
        assert f"{number} s:{link['subject'].replace('=', ' = ')}" in theirs
        assert f"i:{link['issuer'].replace('=', ' = ')}" in theirs
        assert link["pem"] in theirs
        assert datetime.datetime.fromisoformat(link["not_after"]).strftime("NotAfter: %b %e %H:%M:%S %Y GMT") in theirs
    assert "Acceptable client certificate CA names\nCN = Example Root\n" in theirs
    assert ours["client_authorities"] == ["CN=Example Root"]
    requested = re.search(r"\nRequested Signature Algorithms: (\S+)", theirs)
    assert requested is not None
    assert len(requested[1].split(":")) == len(ours["client_schemes"])
    assert f"Server Temp Key: {ours['group']}" in theirs
    kinds = {
        "EC": ("ECDSA", "ecdsa_secp256r1_sha256"),
        "RSA": ("RSA-PSS", "rsa_pss_rsae_sha256"),
        "Ed25519": ("Ed25519", "ed25519"),
    }
    assert f"peer signature type: {kinds[kind][0]}".lower() in theirs.lower()
    assert ours["scheme"] == kinds[kind][1]
    if kind != "Ed25519":  # which has one size only
        assert f"Server public key is {ours['chain'][0]['key']['bits']} bit" in theirs
    assert "No ALPN negotiated" in theirs
    assert "alpn" not in ours
    if version == "1_2":
        assert ("Extended master secret: yes" in theirs) == ours["extended_master_secret"]
        assert ("Secure Renegotiation IS supported" in theirs) == ours["secure_renegotiation"]
        assert "TLS session ticket lifetime hint: 7200" in theirs
    assert ours["ticket"] == "for 7,200 s"


@pytest.mark.parametrize("version", ["1_2", "1_3"])
@pytest.mark.parametrize("status", ["good", "revoked", "none"])
def test_a_staple_is_asked_for_and_shown_even_if_the_server_was_refused(
    status: str, version: str, tmp_path: Path
) -> None:
    leaf = LEAVES["EC"]
    files = Files(tmp_path, leaf)
    options = [*files.options, f"-tls{version}"]
    if status != "none":
        answer = tmp_path / "answer.der"
        answer.write_bytes(ocsp_answer(leaf, ocsp.OCSPCertStatus[status.upper()]))
        options += ["-status_file", str(answer)]
    with s_server(options, clients=2) as address:
        done = run(f"smtps://{address}", "--json", *commands("/tls ocsp"))
    assert done.returncode == 4, done.stderr
    ours = found(done)
    assert (ours["outcome"], ours["failed_check"], ours["exit_status"]) == ("refused", "chain", 4)
    check = next(each for each in ours["checks"] if each["check"] == "revocation")
    assert check["verdict"] == {"good": "good", "revoked": "bad", "none": "not known"}[status], check
    if status == "revoked":
        assert "keyCompromise" in check["text"]
    assert ("staple" in ours) == (status != "none")


@pytest.fixture(scope="module")
def practice() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings()) as server:
        yield server


@pytest.mark.parametrize("trusting", [True, False])
def test_a_script_gets_the_view_before_and_after_failure(trusting: bool, practice: PracticeServer) -> None:
    options = ["--ca-file", str(practice.ca_file)] if trusting else []
    done = run(at(practice), "--starttls", "--json", *options, *commands("/tls"))
    ours = found(done)
    assert done.returncode == ours["exit_status"] == (0 if trusting else 4)
    assert ours["outcome"] == ("verified" if trusting else "refused")
    assert [each["check"] for each in ours["checks"]] == CHECKS
    assert ours["chain"][0]["names"][0] == "localhost"


def test_only_lines_that_look_at_tls_run_after_a_failure(practice: PracticeServer) -> None:
    done = run(at(practice), "--starttls", "--json", *commands("/tls", "noop", "/tls"))
    assert done.returncode == 4
    assert [json.loads(line).get("what") for line in done.stdout.splitlines()].count("tls") == 1


def test_a_staple_is_asked_for_behind_starttls(practice: PracticeServer) -> None:
    done = run(at(practice), "--starttls", "--ca-file", str(practice.ca_file), *commands("/tls ocsp", "noop"))
    assert done.returncode == 0, done.stderr
    assert b"not known: the server was asked for an OCSP staple, and has none" in done.stdout


def test_the_chain_is_saved_for_its_owner_and_never_over_another_file(practice: PracticeServer, tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    save = [at(practice), "--starttls", "--ca-file", str(practice.ca_file), *commands(f"/tls save {file}")]
    assert run(*save).returncode == 0
    assert len(x509.load_pem_x509_certificates(file.read_bytes())) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    again = run(*save)
    assert (again.returncode, b"is there already" in again.stderr, file.read_text()) == (2, True, "mine")
    assert run(*save[:-1], f"/tls save {file} --force").returncode == 0
    assert file.read_text().startswith("-----BEGIN")


def test_a_pin_that_was_printed_is_taken_and_another_ends_with_4(practice: PracticeServer) -> None:
    trusting = [at(practice), "--starttls", "--ca-file", str(practice.ca_file)]
    pin = found(run(*trusting, "--json", *commands("/tls pin")), "tls pin")["pin"]
    assert run(*trusting, "--tls-pin", pin, *commands("noop")).returncode == 0
    refused = run(*trusting, "--tls-pin", f"SHA256:{'0' * 64}", "--json", *commands("/tls", "noop"))
    assert refused.returncode == 4
    assert f"the server's public key is not the pinned one: it is {pin}" in refused.stderr.decode()
    assert found(refused)["failed_check"] == "pin"
    assert run(*trusting, "--tls-pin", "nonsense", *commands("noop")).returncode == 2


def test_a_kept_pin_holds_for_the_next_connection_and_is_forgotten(practice: PracticeServer) -> None:
    trusting = [at(practice), "--starttls", "--ca-file", str(practice.ca_file)]
    done = run(*trusting, *commands("/tls pin", "/reconnect", "/tls", "/tls pin off", "/reconnect", "/tls"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"pin         good: its public key is the pinned one") == 1


def chain_of_fifty() -> tuple[Signed, list[Signed]]:
    signer = ROOT
    above: list[Signed] = []
    for number in range(49):
        signer = sign(f"Authority {number}", signer, authority=True)
        above.insert(0, signer)
    return sign("mail.example.com", signer, names=("mail.example.com", HOST)), above


def many_names(count: int) -> Signed:
    return sign("mail.example.com", ROOT, names=(HOST, *(f"host-{number}.example.org" for number in range(count))))


HOSTILE_NAME = "evil\x1b]0;owned\x07\x1b[31m\u202egnp.\u2066\u200b\x9b1m"
HOSTILE: dict[str, tuple[Callable[[], tuple[Signed, list[Signed]]], int, str]] = {
    "a chain of 50": (chain_of_fifty, 0, "51 certificates"),
    "3,000 names": (lambda: (many_names(3000), []), 0, " more"),
    "10,000 names": (lambda: (many_names(10_000), []), 4, "longer than the 100 KiB that OpenSSL takes"),
    "escapes": (lambda: (sign(HOSTILE_NAME, ROOT, names=(HOST,)), []), 0, "evil\\x1b]0;owned\\x07"),
    "escapes of an unknown authority": (
        lambda: (sign(HOSTILE_NAME, names=(HOST,)), []),
        4,
        "evil\\x1b]0;owned\\x07",
    ),
    "the end of time": (
        lambda: (sign("mail.example.com", ROOT, names=(HOST,), days=(-1, 2_910_000)), []),
        0,
        "2,909,999 days left",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_hostile_certificate_is_shown_in_bounds_and_nothing_of_it_is_raw(
    kind: str, version: str, tmp_path: Path
) -> None:
    make, status, words = HOSTILE[kind]
    leaf, above = make()
    files = Files(tmp_path, leaf)
    files.middle.write_bytes(b"".join(each.pem for each in above) or ROOT.pem)
    with s_server([*files.options, f"-tls{version.replace('.', '_')}"]) as address:
        done = run(f"smtps://{address}", "--ca-file", str(files.ca), *commands("/tls", "/tls --all"))
    shown = (done.stdout + done.stderr).decode()
    assert done.returncode == status, shown
    assert shown.count(words) >= 2 or status == 4, shown
    assert words in shown, shown
    assert all(row.isprintable() for row in shown.split("\n")), shown
    assert len(shown) < 120_000


def test_a_key_of_512_bits_is_told_with_its_size(tmp_path: Path) -> None:
    assert OPENSSL is not None
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "own.pem")
    make = [
        "req",
        "-x509",
        "-newkey",
        "rsa:512",
        "-nodes",
        "-subj",
        "/CN=mail.example.com",
        "-addext",
        f"subjectAltName=IP:{HOST}",
    ]
    subprocess.run([OPENSSL, *make, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    with s_server(["-cert", certificate, "-key", key, "-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0"]) as address:
        done = run(f"smtps://{address}", "--ca-file", certificate, "--json", *commands("/tls"))
    assert done.returncode == 4
    ours = found(done)
    assert ours["chain"][0]["key"]["bits"] == 512
    assert any(each["verdict"] == "bad" and "512 bits is too short" in each["text"] for each in ours["checks"]), ours[
        "checks"
    ]


def tlsa(leaf: Signed) -> str:
    key = leaf.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"3 1 1 {hashlib.sha256(key).hexdigest()}"


@pytest.mark.parametrize(
    ("about", "authenticated", "verdict", "words"),
    [
        ("this", True, "good", "the server's own certificate matches 3 1 1"),
        ("another", True, "bad", "the server's certificates do not match"),
        ("this", False, "not known", "it does not count, since the answer is not authenticated"),
        ("none", True, "nothing demanded", "no TLSA record"),
    ],
)
def test_tlsa_records_are_asked_for_on_demand_and_compared(
    about: str, authenticated: bool, verdict: str, words: str, tmp_path: Path
) -> None:
    leaf = sign("localhost", MIDDLE, names=("localhost",))
    files = Files(tmp_path, leaf)
    with s_server(files.options) as address:
        port = address.rpartition(":")[2]
        record = {"this": [tlsa(leaf)], "another": [tlsa(ROOT)], "none": []}[about]
        zone = {(f"_{port}._tcp.localhost", "TLSA"): record} if record else {}
        with resolving(zone, authenticated=authenticated) as resolver:
            options = ["--ca-file", str(files.ca), "-4"]
            lines = commands(f"/set resolver {resolver.server}", "/tls", "/tls dane --json")
            done = run(f"smtps://localhost:{port}", *options, *lines)
            asked = [name for name, kind, _ in resolver.asked if kind == "TLSA"]
    assert done.returncode == 0, done.stderr
    assert b"dane        not asked: /tls dane asks the DNS" in done.stdout
    assert asked == [f"_{port}._tcp.localhost"]
    ours = json.loads(next(line for line in done.stdout.splitlines() if line.startswith(b"{")))
    check = next(each for each in ours["checks"] if each["check"] == "dane")
    assert check["verdict"] == verdict, check
    assert words in check["text"]


def test_a_domain_without_a_policy_demands_nothing(practice: PracticeServer) -> None:
    with resolving({}) as resolver:
        lines = commands(f"/set resolver {resolver.server}", "/tls sts example.org", "/tls sts", "/tls dane extra")
        done = run(at(practice), "--starttls", "--keep-going", "--ca-file", str(practice.ca_file), *lines)
    assert done.returncode == 2
    assert b"mta-sts     nothing demanded: there is no MTA-STS record (policy of example.org)" in done.stdout
    assert b"/tls sts takes the mail domain" in done.stderr


def test_what_postfix_shows_is_shown(postfix: Postfix) -> None:
    done = run(
        f"{postfix.host}:{postfix.smtp}", "--starttls", "--ca-file", str(postfix.ca_file), "--json", *commands("/tls")
    )
    assert done.returncode == 0, done.stderr
    ours = found(done)
    assert (ours["outcome"], ours["version"]) == ("verified", "TLSv1.3")
    assert ours["group"].startswith("X25519")
    assert {"scheme", "ticket", "pin"} <= ours.keys()
    assert [each["verdict"] for each in ours["checks"]] == [*["good"] * 5, *["not asked"] * 3]
