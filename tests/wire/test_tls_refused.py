"""What `send` and `replay` say of TLS: the sentence, the view for programs, and the pins of profiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.chains import sign
from tests.support.s_server import s_server
from tests.unit.cli.program import at, run

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.servers.practice import PracticeServer

WHO = ("--from", "ann@example.org", "--to", "bob@example.org", "--body", "x")
ADVICE = "the certificate's chain is not trusted"
TRANSCRIPT = """\
SMTP-Transcript: 1

S: 220 practice.example ESMTP
C: EHLO client.example
S: 250 practice.example
C: STARTTLS
S: 220 ready
*: tls
C: QUIT
S: 221 bye
"""


def objects(octets: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in octets.splitlines()]


@pytest.mark.parametrize("trusting", [True, False])
def test_send_has_the_view_of_tls_for_programs(trusting: bool, practice: PracticeServer) -> None:
    options = ["--ca-file", str(practice.ca_file)] if trusting else []
    done = run("send", "--server", at(practice), *WHO, "--starttls", "--json", *options)
    (view,) = (each for each in objects(done.stdout) if each.get("what") == "tls")
    verdict = objects(done.stdout)[-1]
    assert done.returncode == view["exit_status"] == verdict["exit_status"] == (0 if trusting else 4)
    assert view["outcome"] == ("verified" if trusting else "refused")
    assert view["chain"][0]["pem"].startswith("-----BEGIN")
    assert view["handshake_octets"] > 0
    assert ("failed_check" in view) is not trusting
    assert trusting or verdict["error"].startswith(ADVICE)


def test_send_without_tls_has_no_view_of_it(practice: PracticeServer) -> None:
    done = run("send", "--server", at(practice), *WHO, "--json")
    assert done.returncode == 0
    assert [each for each in objects(done.stdout) if each.get("what") == "tls"] == []


def test_send_shows_which_check_failed_and_says_what_to_do(practice: PracticeServer) -> None:
    done = run("send", "--server", at(practice), *WHO, "--starttls")
    assert done.returncode == 4
    sentence = done.stderr.decode()
    assert sentence.startswith(f"smtp-shell: {ADVICE}")
    assert "give the authority's certificate with --ca-file FILE, or use --insecure" in sentence
    shown = done.stdout.decode()
    assert "chain       BAD: the certificate of its issuer" in shown
    assert "name        good: it is for" in shown
    assert "/tls" not in shown


def test_a_replay_has_the_view_of_what_failed(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "tls.smtp"
    path.write_text(TRANSCRIPT)
    done = run("replay", str(path), "--server", at(practice), "--match", "code", "--json")
    assert done.returncode == 4
    (result,) = (each for each in objects(done.stdout) if "verdict" not in each and "summary" not in each)
    view = result["tls"]
    assert (view["what"], view["outcome"], view["failed_check"]) == ("tls", "refused", "chain")
    assert result["failure"].startswith(f"{path}:6: {ADVICE}")
    assert [each["verdict"] for each in view["checks"]][:2] == ["bad", "good"]
    good = run(
        "replay", str(path), "--server", at(practice), "--match", "code", "--json", "--ca-file", str(practice.ca_file)
    )
    assert (good.returncode, b'"tls"' in good.stdout) == (0, False)
    text = run("replay", str(path), "--server", at(practice), "--match", "code")
    assert text.returncode == 4
    assert "give the authority's certificate with --ca-file FILE, or use --insecure" in text.stdout.decode()


def test_a_replay_over_implicit_tls_has_the_view_too(tmp_path: Path) -> None:
    leaf = sign("mail.example.com", names=("127.0.0.1",))
    own, path = tmp_path / "own.pem", tmp_path / "tls.smtp"
    own.write_bytes(leaf.key_pem + leaf.pem)
    path.write_text(TRANSCRIPT)
    with s_server(["-cert", str(own), "-key", str(own)]) as address:
        done = run("replay", str(path), "--server", f"smtps://{address}", "--json")
    (result,) = (each for each in objects(done.stdout) if "verdict" not in each and "summary" not in each)
    assert (done.returncode, result["tls"]["failed_check"]) == (4, "chain")


def test_a_profile_pins_a_key(practice: PracticeServer, tmp_path: Path) -> None:
    path, profiles = tmp_path / "tls.smtp", tmp_path / "servers.toml"
    path.write_text(TRANSCRIPT)
    refused = run("send", "--server", at(practice), *WHO, "--starttls", "--json")
    pin = next(each["pin"] for each in objects(refused.stdout) if each.get("what") == "tls")
    text = '[{0}]\nurl = "{1}"\nca_file = "{2}"\ntls_pin = "{3}"\n'
    other = f"SHA256:{'0' * 64}"
    profiles.write_text(
        text.format("good", at(practice), practice.ca_file, pin)
        + text.format("bad", at(practice), practice.ca_file, other)
    )
    words = ("replay", str(path), "--match", "code", "--json", "--profiles", str(profiles))
    done = run(*words, "--server", "good")
    assert done.returncode == 0, done.stdout
    done = run(*words, "--server", "bad")
    assert done.returncode == 4
    assert f"the server's public key is not the pinned one: it is {pin}" in done.stdout.decode()
    assert next(each["tls"]["failed_check"] for each in objects(done.stdout) if "tls" in each) == "pin"
    profiles.write_text(text.format("bad", at(practice), practice.ca_file, "nonsense"))
    done = run(*words)
    assert done.returncode == 2
    assert f"{profiles}: [bad]: tls_pin nonsense: a pin is SHA256:" in done.stderr.decode()
