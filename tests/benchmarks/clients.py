"""The same dialogue as commands of different clients: connect, EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT, DATA, QUIT."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.benchmarks.bench import Bench, Command, peer, smtp_shell
from tests.benchmarks.servers import HOST
from tests.benchmarks.workload import CLIENT, RECIPIENT, SENDER, dialogue, message, spool

if TYPE_CHECKING:
    from tests.benchmarks.servers import MailServer

MESSAGE = 2048


def by_replay(bench: Bench, server: MailServer, times: int = 0) -> Command:
    """Return the command of smtp-shell: one replay, or that many with variables, so that each sends another message."""
    return smtp_shell(
        "replay",
        str(dialogue(bench.folder, MESSAGE, repeated=times > 0)),
        *("--server", f"smtp://{HOST}:{server.port}", "--user", server.user, "--ca-file", server.ca_file),
        *(("--repeat", str(times)) if times else ()),
        env={"SMTP_SHELL_PASSWORD": server.password},
        says="matched",
    )


def by_swaks(bench: Bench, server: MailServer) -> Command:
    """Return the command of swaks."""
    return Command(
        (
            *("swaks", "--server", f"{HOST}:{server.port}", "--ehlo", CLIENT, "--from", SENDER, "--to", RECIPIENT),
            *("--tls", "--tls-verify", "--tls-ca-path", server.ca_file),
            *("--auth", "PLAIN", "--auth-user", server.user, "--auth-password", server.password),
            *("--data", f"@{message(bench.folder, MESSAGE, crlf=False)}"),
        ),
        says="221 ",
    )


def by_curl(bench: Bench, server: MailServer) -> Command:
    """Return the command of curl."""
    return Command(
        (
            *("curl", "-sS", "--ssl-reqd", "--cacert", server.ca_file, "--login-options", "AUTH=PLAIN"),
            *("--user", f"{server.user}:{server.password}", "--mail-from", SENDER, "--mail-rcpt", RECIPIENT),
            *("--upload-file", str(message(bench.folder, MESSAGE)), f"smtp://{HOST}:{server.port}/{CLIENT}"),
        )
    )


def by_msmtp(bench: Bench, server: MailServer) -> Command:
    """Return the command of msmtp."""
    settings = bench.folder / f"msmtp-{server.port}"
    settings.touch(mode=0o600)
    settings.write_text(
        f"account default\nhost {HOST}\nport {server.port}\ndomain {CLIENT}\nfrom {SENDER}\ntls on\ntls_starttls on\n"
        f'tls_trust_file {server.ca_file}\nauth plain\nuser {server.user}\npassword "{server.password}"\n',
        encoding="utf-8",
    )
    return Command(("msmtp", "-C", str(settings), RECIPIENT), stdin=message(bench.folder, MESSAGE, crlf=False))


def by_openssl(bench: Bench, server: MailServer) -> Command:
    """Return the command of openssl s_client, which sends all its lines at once."""
    path = bench.folder / f"s_client-{server.port}"
    response = base64.b64encode(f"\0{server.user}\0{server.password}".encode()).decode()
    octets = message(bench.folder, MESSAGE, crlf=False).read_text("ascii").replace("\n.", "\n..")
    lines = (f"EHLO {CLIENT}", f"AUTH PLAIN {response}", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA")
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + f"\n{octets}.\nQUIT\n", encoding="ascii")
    options = ("-starttls", "smtp", "-crlf", "-quiet", "-CAfile", server.ca_file, "-verify_return_error")
    return Command(
        ("openssl", "s_client", *options, "-name", CLIENT, "-connect", f"{HOST}:{server.port}"), stdin=path, says="354 "
    )


def by_smtplib(bench: Bench, server: MailServer, times: int = 1) -> Command:
    """Return the command of a script with smtplib."""
    return _scripted("smtplib_dialogue.py", bench, server, times)


def by_socket(bench: Bench, server: MailServer, times: int = 1) -> Command:
    """Return the command of a script with a bare socket."""
    return _scripted("raw_dialogue.py", bench, server, times)


def _scripted(script: str, bench: Bench, server: MailServer, times: int) -> Command:
    return peer(
        script,
        *(server.port, server.ca_file, server.user, str(spool(bench.folder, times, MESSAGE))),
        env={"PEER_PASSWORD": server.password},
        says=f"{times} done",
    )
