"""Postfix, Exim and Dovecot at a terminal: a profile for each, refused recipients, a 421 while mail data is typed, and a big file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import ENTER, Terminal, running, the_recording
from tests.support.transcripts import check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import Dovecot
    from tests.support.exim import Exim
    from tests.support.postfix import Postfix

Keys = dict[str, str | int | bool]

pytestmark = pytest.mark.terminal


def profile(tmp_path: Path, name: str, port: int, **keys: str | int | bool) -> dict[str, str]:
    """Write a configuration with one profile, and return the variables that name it."""
    path = tmp_path / "config.toml"
    values = {"host": "localhost", "port": port, "ehlo": "client.example.org", **keys}
    rows = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path.write_text("\n".join([f"[profile.{name}]", *rows, ""]), encoding="utf-8")
    path.chmod(0o600)
    return {"SMTP_SHELL_CONFIG": str(path), "SMTP_SHELL_PASSWORD": ""}


def write(terminal: Terminal, *lines: str) -> None:
    """Type mail data in the editor."""
    terminal.wait_prompt("mail data")
    for line in lines:
        terminal.type(line + ENTER)


@pytest.mark.postfix
def test_a_profile_leads_into_tls_and_a_second_starttls_changes_nothing(
    postfix: Postfix, tmp_path: Path, state_dir: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(postfix.password, encoding="utf-8")
    keys: Keys = {"starttls": True, "ca_file": str(postfix.ca_file), "user": postfix.user}
    keys |= {"mechanism": "SCRAM-SHA-1", "password_command": f"cat '{secret}'"}
    with running("lab", env=profile(tmp_path, "lab", postfix.smtp, **keys)) as terminal:
        terminal.wait_for("C: EHLO client.example.org")
        terminal.enter("auth", "tls ready")
        terminal.wait_for("*: auth SCRAM-SHA-1 student")
        terminal.enter("starttls", "tls ready")
        terminal.wait_for("554 5.5.1 Error: TLS already active")
        terminal.wait_for("TLS is on already, and stays on")
        terminal.enter("mail ann@example.org", "tls ready")
        terminal.enter("rcpt bob@example.org", "tls mail")
        terminal.enter("data", "tls rcpt")
        write(terminal, "Subject: by profile", "", ".a dot", ".")
        terminal.wait_for("+| S: 250 2.0.0 Ok: queued as")
        terminal.enter("/exit", "tls ready")
        assert terminal.wait_end() == 0
        assert postfix.password.encode() not in terminal.raw
    check(the_recording(state_dir))


@pytest.mark.postfix
def test_a_421_while_mail_data_is_typed_keeps_the_text_and_the_way_back(postfix: Postfix, tmp_path: Path) -> None:
    with running("lab", env=profile(tmp_path, "lab", postfix.strict)) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.enter("mail ann@example.org", "ready")
        terminal.enter("rcpt bob@example.org", "mail")
        terminal.enter("data", "rcpt")
        write(terminal, "Subject: a long thought", "", "the first line")
        terminal.wait_for("421 4.4.2")
        terminal.wait_for("The text was not sent. It is kept")
        terminal.enter("/reconnect", "smtp-shell")
        terminal.wait_for("Go on to where it was (EHLO)? [y/N]")
        terminal.type("y" + ENTER)
        terminal.wait_for("And the mail transaction (MAIL FROM:<ann@example.org>, 1 recipient)? [y/N]")
        terminal.type("y" + ENTER)
        terminal.wait_for("Back in the mail transaction")
        terminal.enter("data", "rcpt")
        write(terminal, ".")
        terminal.wait_for("+  S: 250 2.0.0 Ok: queued as")
        assert terminal.text.count("3  the first line") == 2
        terminal.enter("/exit", "ready")
        assert terminal.wait_end() == 0


@pytest.mark.exim
def test_exim_refuses_recipients_again_and_again(exim: Exim, tmp_path: Path) -> None:
    with running("lab", env=profile(tmp_path, "lab", exim.strict)) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.enter("mail ann@example.org", "ready")
        terminal.enter("rcpt blocked@example.org", "mail")
        terminal.wait_for("!  S: 550")
        terminal.enter("/watch 0.1 --count 2 rcpt later@example.org", "mail")
        terminal.wait_for("first: 451")
        terminal.wait_for("same: 451")
        terminal.wait_for("2 runs in")
        assert "C: --count" not in terminal.text
        terminal.enter("/exit", "mail")
        assert terminal.wait_end() == 0


@pytest.mark.dovecot
def test_the_way_back_over_implicit_tls_has_no_starttls(dovecot: Dovecot, tmp_path: Path) -> None:
    keys: Keys = {"tls": True, "ca_file": str(dovecot.ca_file), "user": dovecot.user}
    with running("lab", env=profile(tmp_path, "lab", dovecot.submissions, **keys)) as terminal:
        terminal.enter("ehlo", "tls greeted")
        terminal.enter("/watch 0.1 nonsense", "tls ready")
        terminal.wait_for("first: 500")
        terminal.wait_for("CHANGED: 421")
        terminal.wait_for("/reconnect connects to")
        terminal.enter("/reconnect", "smtp-shell")
        terminal.wait_for("Go on to where it was (EHLO)? [y/N]")
        terminal.type("y" + ENTER)
        terminal.wait_for("Back where the dialogue was: EHLO.")
        terminal.enter("/exit", "tls ready")
        assert terminal.wait_end() == 0
