"""Start a real Dovecot on loopback, submission and LMTP, with its own configuration, sockets and mail.

The programs come from the installed packages. Everything they read and write is in one temporary directory, so that
`/etc/dovecot`, and a Dovecot that already runs, are left alone.
"""

import base64
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.support.daemon import (
    HOST,
    MAIL_DOMAIN,
    MAIL_HOST,
    PASSWORD,
    START_ATTEMPTS,
    USER,
    NotStarted,
    answers,
    came_up,
    child,
    end_of,
    free_ports,
    make_folder,
    program,
    write_certificates,
)

MAILBOXES = ("student", "ann", "bob", "postmaster")
FULL_MAILBOX = "full"
BROKEN_MAILBOX = "broken"
SIZE_LIMIT = 20480
RECIPIENT_LIMIT = 5
MECHANISMS = "plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256"
TOKEN_MECHANISMS = "xoauth2 oauthbearer"

TOKEN_KEY = b"the key of the tests' tokens, which is no secret"

PACKAGES = "apt-get install dovecot-core dovecot-submissiond dovecot-lmtpd"
# The configuration of 2.4 is another language.
VERSION = "2.3."


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running Dovecot: its ports, its user, its mailboxes.

    Args:
        host: The address it listens on; its name in greetings and in the certificate is `MAIL_HOST`.
        submission: The port that offers STARTTLS, and AUTH before TLS as well as after; requires AUTH, and passes mail to the relay.
        submissions: The port with TLS from the first octet; otherwise the same.
        lmtp: The port of LMTP, without TLS. It knows `MAILBOXES`, and one that is full and one that cannot be written.
        lmtp_socket: The Unix socket of LMTP.
        user: The user name for every mechanism in `MECHANISMS`.
        password: The password of `user`.
        token: A token of `user` for XOAUTH2 and OAUTHBEARER: a JWT, signed with a key that the server has.
        ca_file: The certificate of the authority that signed the server's, PEM.
        client_cert: The user's certificate and key, PEM, for EXTERNAL.
        log: Dovecot's log file.
    """

    host: str
    submission: int
    submissions: int
    lmtp: int
    lmtp_socket: Path
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    ca_file: Path
    client_cert: Path
    log: Path


def why_not() -> str | None:
    """Return why Dovecot cannot be started here and what to do, or None if it can."""
    if sys.platform == "win32":
        return "Dovecot does not run on Windows; run these tests on Linux."
    found = program("dovecot")
    libraries = _libraries()
    missing = [name for name in ("submission-login", "lmtp") if not any((each / name).exists() for each in libraries)]
    if found is None or missing:
        return f"{', '.join(missing or ['dovecot'])} of Dovecot not found; install with: {PACKAGES}"
    if os.geteuid() != 0:
        return "Dovecot starts as root only; run the tests as root, best in a container."
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=60).stdout.strip()
    if not version.startswith(VERSION):
        return f"The configuration of these tests is for Dovecot {VERSION}x, not {version}."
    return None


@contextmanager
def running_dovecot(directory: Path, relay_port: int) -> Iterator[Dovecot]:
    """Run a Dovecot in `directory` until the block ends.

    Args:
        directory: An empty directory for configuration, sockets, mail and log. Dovecot's own users must be able to enter it, which
            rules out pytest's `tmp_path`. The path must be short: a socket's may have some 100 characters.
        relay_port: Port of the SMTP server on loopback that the submission service passes mail to.

    Yields:
        The running server.

    Raises:
        NotStarted: It stopped at once, or the ports did not answer in time.
    """
    directory.chmod(0o755)
    for name, owner in (("tls", "root"), ("run", "root"), ("state", "root"), ("mail", "nobody")):
        make_folder(directory / name, owner)
    make_folder(directory / "mail" / BROKEN_MAILBOX)  # root's
    write_certificates(directory / "tls")
    _write_users(directory)
    _write_token_key(directory)
    for _ in range(START_ATTEMPTS):
        server = _on_free_ports(directory)
        configuration = directory / "dovecot.conf"
        configuration.write_text(_configuration(directory, server, relay_port))
        with child([program("dovecot") or "dovecot", "-F", "-c", str(configuration)], directory / "output") as process:
            checks = [partial(answers, HOST, port) for port in (server.submission, server.lmtp)]
            log = server.log if server.log.exists() else directory / "output"
            if came_up(process, log, [*checks, partial(answers, HOST, server.submissions, greets=False)]):
                yield server
                return
    raise NotStarted(f"Dovecot stopped at once, {START_ATTEMPTS} times; it said:\n{end_of(directory / 'output')}")


def _libraries() -> tuple[Path, ...]:
    return tuple(Path(each, "dovecot") for each in ("/usr/lib", "/usr/libexec", "/usr/local/libexec"))


def _write_users(directory: Path) -> None:
    users = directory / "users"
    limits = {FULL_MAILBOX: "userdb_quota_rule=*:bytes=1"}
    names = (*MAILBOXES, FULL_MAILBOX, BROKEN_MAILBOX)
    users.write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}::::::{limits.get(name, '')}\n" for name in names))
    users.chmod(0o644)


def _write_token_key(directory: Path) -> None:
    (directory / "oauth2.conf").write_text(
        "introspection_mode = local\n"
        f"local_validation_key_dict = fs:posix:prefix={directory}/keys/\n"
        "username_attribute = sub\n"
    )
    folder = directory / "keys" / "default" / "HS256"
    make_folder(folder)
    for each in (directory / "keys", directory / "keys" / "default"):
        each.chmod(0o755)
    key = folder / "default"
    key.write_bytes(base64.b64encode(TOKEN_KEY))
    key.chmod(0o644)


def _token(user: str) -> str:
    """Return a JWT that says who somebody is, for an hour.

    Source: RFC 7519, RFC 7515 section 3.1
    """
    now = int(time.time())
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": user, "iat": now, "nbf": now - 60, "exp": now + 3600})
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64url(hmac.digest(TOKEN_KEY, signed.encode(), 'sha256'))}"


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _on_free_ports(directory: Path) -> Dovecot:
    submission, submissions, lmtp = free_ports(3)
    return Dovecot(
        host=HOST,
        submission=submission,
        submissions=submissions,
        lmtp=lmtp,
        lmtp_socket=directory / "run" / "lmtp",
        user=USER,
        password=PASSWORD,
        token=_token(USER),
        ca_file=directory / "tls" / "ca.pem",
        client_cert=directory / "tls" / "client.pem",
        log=directory / "dovecot.log",
    )


def _configuration(directory: Path, server: Dovecot, relay_port: int) -> str:
    import grp  # neither exists on Windows, where this module is imported too
    import pwd

    nobody = pwd.getpwnam("nobody")
    group = grp.getgrgid(nobody.pw_gid).gr_name
    return f"""\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {server.log}
listen = {HOST}
protocols = submission lmtp
hostname = {MAIL_HOST}
login_greeting = {MAIL_HOST} Dovecot ready.
ssl = yes
ssl_cert = <{directory}/tls/server.pem
ssl_key = <{directory}/tls/server.pem
ssl_ca = <{directory}/tls/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
disable_plaintext_auth = no
auth_mechanisms = {MECHANISMS} {TOKEN_MECHANISMS} external
auth_failure_delay = 0
passdb {{
  driver = oauth2
  mechanisms = {TOKEN_MECHANISMS}
  args = {directory}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
passdb {{
  driver = passwd-file
  mechanisms = {MECHANISMS} lookup
  args = scheme=PLAIN username_format=%n {directory}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {directory}/users
  default_fields = uid=nobody gid={group} home={directory}/mail/%n
}}
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
submission_relay_host = {HOST}
submission_relay_port = {relay_port}
submission_max_mail_size = {SIZE_LIMIT}
submission_max_recipients = {RECIPIENT_LIMIT}
protocol lmtp {{
  postmaster_address = postmaster@{MAIL_DOMAIN}
  auth_username_format = %n
}}
service submission-login {{
  inet_listener submission {{
    port = {server.submission}
  }}
  inet_listener submissions {{
    port = {server.submissions}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {server.lmtp}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  client_limit = 100
}}
"""
