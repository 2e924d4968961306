"""Start a real Exim on loopback, with its own configuration and spool.

The program is that of the system, or one that was unpacked from its package: Debian's Exim and Postfix cannot be installed together, and
only the programs are needed. `.ci/run` unpacks it where `UNPACKED` is.
"""

import os
import re
import shutil
import subprocess
import sys
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
RECIPIENT_LIMIT = 5
ERROR_LIMIT = 3
STRICT_SIZE_LIMIT = 20480
STRICT_IDLE_SECONDS = 2

UNPACKED = Path("~/.cache/smtp-shell-tests/exim/usr/sbin").expanduser()
HELP = "bash .ci/run unpacks it, as root on Debian; next to no other mail server: apt-get install exim4-daemon-light"


@dataclass(frozen=True, slots=True)
class Exim:
    """A running Exim: its ports and its user. It keeps the messages that it accepts in its queue.

    Args:
        host: The address it listens on; its name in greetings and in the certificate is `MAIL_HOST`.
        smtp: The port that offers STARTTLS, and AUTH before TLS as well as after.
        submission: The port that offers AUTH after TLS only, and requires it.
        smtps: The port with TLS from the first octet.
        strict: The port that requires EHLO, with the tight limits (the `STRICT_` constants), neither AUTH nor TLS, and refusals by policy:
            `blocked@`, `later@`, `spam@` and a broken header section.
        user: The user name for every mechanism.
        password: The password of `user`.
        ca_file: The certificate of the authority that signed the server's, PEM.
        client_cert: The user's certificate and key, PEM, for EXTERNAL.
        log: Exim's log file.
    """

    host: str
    smtp: int
    submission: int
    smtps: int
    strict: int
    user: str
    password: str = field(repr=False)
    ca_file: Path
    client_cert: Path
    log: Path


def why_not() -> str | None:
    """Return why Exim cannot be started here and what to do, or None if it can."""
    if sys.platform == "win32":
        return "Exim does not run on Windows; run these tests on Linux."
    if _program() is None:
        return f"exim4 not found; {HELP}"
    if os.geteuid() != 0:
        return "Exim starts as root only; run the tests as root, best in a container."
    try:
        _user()
    except NotStarted as error:
        return str(error)
    return None


@contextmanager
def running_exim(directory: Path) -> Iterator[Exim]:
    """Run an Exim in `directory` until the block ends.

    Args:
        directory: An empty directory for configuration, spool and log. Exim's user must be able to enter it, which rules out pytest's
            `tmp_path`.

    Yields:
        The running server.

    Raises:
        NotStarted: It stopped at once, or the ports did not answer in time.
    """
    directory.chmod(0o755)
    owner = _user()
    for name in ("spool", "log"):
        make_folder(directory / name, owner)
    make_folder(directory / "tls")
    write_certificates(directory / "tls")
    # Exim reads the key as its own user.
    shutil.chown(directory / "tls" / "server.pem", owner)
    for _ in range(START_ATTEMPTS):
        server = _on_free_ports(directory)
        configuration = directory / "exim.conf"
        configuration.write_text(_configuration(directory, server))
        configuration.chmod(0o644)
        with child([_program() or "exim4", "-C", str(configuration), "-bdf"], directory / "output") as process:
            checks = [partial(answers, HOST, port) for port in (server.smtp, server.submission, server.strict)]
            if came_up(process, directory / "output", [*checks, partial(answers, HOST, server.smtps, greets=False)]):
                yield server
                return
    raise NotStarted(f"Exim stopped at once, {START_ATTEMPTS} times; it said:\n{end_of(directory / 'output')}")


def _program() -> str | None:
    return program("exim4", UNPACKED) or program("exim", UNPACKED)


def _user() -> str:
    """Return the user that this Exim was built for.

    Raises:
        NotStarted: There is no such user, or the program lacks a library.
    """
    command = [_program() or "exim4", "-C", "/dev/null", "-bP", "exim_user"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    found = re.search(r"^exim_user = (\S+)$", done.stdout, re.MULTILINE)
    if found is None:
        raise NotStarted(f"Exim cannot run: {done.stdout}{done.stderr}; {HELP}")
    return found[1]


def _on_free_ports(directory: Path) -> Exim:
    smtp, submission, smtps, strict = free_ports(4)
    return Exim(
        host=HOST,
        smtp=smtp,
        submission=submission,
        smtps=smtps,
        strict=strict,
        user=USER,
        password=PASSWORD,
        ca_file=directory / "tls" / "ca.pem",
        client_cert=directory / "tls" / "client.pem",
        log=directory / "log" / "mainlog",
    )


def _configuration(directory: Path, server: Exim) -> str:
    strict = f"eq{{$received_port}}{{{server.strict}}}"
    submission = f"eq{{$received_port}}{{{server.submission}}}"
    return f"""\
primary_hostname = {MAIL_HOST}
qualify_domain = {MAIL_DOMAIN}
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/exim.pid
exim_path = {_program()}
keep_environment =
daemon_smtp_ports = {server.smtp} : {server.submission} : {server.smtps} : {server.strict}
tls_on_connect_ports = {server.smtps}
local_interfaces = {HOST}
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
queue_only
smtp_accept_max = 100
smtp_accept_max_per_host = 100
smtp_max_unknown_commands = {ERROR_LIMIT}
smtp_max_synprot_errors = {ERROR_LIMIT}
smtp_return_error_details
smtp_receive_timeout = ${{if {strict}{{{STRICT_IDLE_SECONDS}s}}{{5m}}}}
recipients_max = {RECIPIENT_LIMIT}
recipients_max_reject
message_size_limit = ${{if {strict}{{{STRICT_SIZE_LIMIT}}}{{200M}}}}
prdr_enable
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
tls_advertise_hosts = ${{if {strict}{{}}{{*}}}}
tls_certificate = {directory}/tls/server.pem
tls_try_verify_hosts = *
tls_verify_certificates = {directory}/tls/ca.pem
tls_dhparam = historic
auth_advertise_hosts = ${{if {strict}{{}}{{${{if and{{{{{submission}}}{{!def:tls_in_cipher}}}}{{}}{{*}}}}}}}}
domainlist local_domains = {MAIL_DOMAIN}
localpartlist mailboxes = {" : ".join(MAILBOXES)}
acl_smtp_helo = check_helo
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
acl_smtp_vrfy = accept
acl_smtp_etrn = deny

begin acl
check_helo:
  deny    condition = ${{if {strict}}}
          condition = ${{if eq{{$sender_helo_name}}{{blocked.example.org}}}}
          message = Access denied - blocked.example.org
  accept
check_mail:
  deny    condition = ${{if and{{{{{strict}}}{{!def:sender_helo_name}}}}}}
          message = HELO or EHLO required
  deny    condition = ${{if {strict}}}
          senders = blocked@{MAIL_DOMAIN}
  accept
check_rcpt:
  deny    condition = ${{if and{{{{{submission}}}{{!def:authenticated_id}}}}}}
          message = Authentication required
  deny    local_parts = ^[.] : ^.*[@%!/|]
          message = Restricted characters in address
  deny    condition = ${{if {strict}}}
          !verify = sender
  defer   condition = ${{if {strict}}}
          local_parts = later
          message = greylisted - please try again later
  deny    condition = ${{if {strict}}}
          local_parts = blocked
  accept  domains = +local_domains
          endpass
          verify = recipient
  accept  authenticated = *
  deny    message = relay not permitted
check_data:
  deny    condition = ${{if > {{$max_received_linelength}}{{998}}}}
          message = maximum allowed line length is 998 octets, got $max_received_linelength
  deny    condition = ${{if {strict}}}
          !verify = header_syntax
  deny    condition = ${{if match{{$h_subject:}}{{spam}}}}
          message = This message scored 9.9 spam points.
  accept

begin routers
strangers:
  driver = redirect
  domains = ! +local_domains
  data = ${{if match{{$domain}}{{\\N\\.invalid$\\N}}{{:fail: Unrouteable mail domain}}{{:blackhole:}}}}
  allow_fail
local:
  driver = accept
  domains = +local_domains
  local_parts = +mailboxes
  transport = nowhere

begin transports
nowhere:
  driver = appendfile
  file = /dev/null
  user = nobody

begin retry

begin authenticators
PLAIN:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
LOGIN:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
CRAM:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{USER}}}{{{PASSWORD}}}fail}}
  server_set_id = $auth1
EXTERNAL:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = $tls_in_certificate_verified
  server_condition = ${{if eq{{$auth1}}{{{USER}}}}}
  server_set_id = $auth1
"""
