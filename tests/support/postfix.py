"""Start a real Postfix on loopback, with its own configuration and queue.

The programs come from the installed packages. Everything they read and write is in one temporary directory, so that
`/etc/postfix`, and a Postfix that already runs, are left alone.
"""

import os
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
MECHANISMS = "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
STRICT_SIZE_LIMIT = 20480
STRICT_RECIPIENT_LIMIT = 5
STRICT_ERROR_LIMIT = 3
STRICT_IDLE_SECONDS = 5

OTHER_MECHANISMS = "ANONYMOUS NTLM"

PACKAGES = "apt-get install postfix sasl2-bin libsasl2-modules libsasl2-modules-db"
# Ends a Postfix whose test run was killed.
LIFETIME_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: its ports, its user, its mailboxes.

    Args:
        host: The address it listens on; its name in greetings and in the certificate is `MAIL_HOST`.
        smtp: The port that offers STARTTLS, and AUTH before TLS as well as after, and XCLIENT and XFORWARD.
        submission: The port that requires STARTTLS before AUTH, and AUTH before anything else.
        smtps: The port with TLS from the first octet; requires AUTH.
        other: The port with the mechanisms `OTHER_MECHANISMS` alone, before TLS as well as after.
        strict: The port with the tight limits (the `STRICT_` constants), no AUTH and few extensions.
        proxied: The port that wants a PROXY header first, and offers STARTTLS.
        user: The user name for every mechanism in `MECHANISMS`.
        password: The password of `user`.
        ca_file: The certificate of the authority that signed the server's, PEM.
        maildir: The directory with one Maildir for each of `MAILBOXES`.
        log: Postfix's log file.
    """

    host: str
    smtp: int
    submission: int
    smtps: int
    other: int
    strict: int
    proxied: int
    user: str
    password: str = field(repr=False)
    ca_file: Path
    maildir: Path
    log: Path


def why_not() -> str | None:
    """Return why Postfix cannot be started here and what to do, or None if it can."""
    if sys.platform == "win32":
        return "Postfix does not run on Windows; run these tests on Linux."
    missing = [name for name in ("postfix", "postconf", "saslpasswd2") if program(name) is None]
    if missing:
        return f"{', '.join(missing)} not found; install with: {PACKAGES}"
    if os.geteuid() != 0:
        return "Postfix starts as root only; run the tests as root, best in a container."
    return None


@contextmanager
def running_postfix(directory: Path) -> Iterator[Postfix]:
    """Run a Postfix in `directory` until the block ends.

    Args:
        directory: An empty directory for configuration, queue, mail and log. Postfix's own users must be able to enter it,
            which rules out pytest's `tmp_path`.

    Yields:
        The running server.

    Raises:
        NotStarted: A program of the setup failed, or the ports did not answer in time.
    """
    directory.chmod(0o755)
    _make_directories(directory)
    write_certificates(directory / "tls")
    _write_users(directory)
    master = str(Path(_run("postconf", "-d", "-h", "daemon_directory").strip(), "master"))
    for _ in range(START_ATTEMPTS):
        server = _on_free_ports(directory)
        _write_configuration(directory, server)
        greeting = (server.smtp, server.submission, server.other, server.strict)
        checks = [partial(answers, HOST, port, name=MAIL_HOST) for port in greeting]
        checks += [partial(answers, HOST, port, greets=False) for port in (server.smtps, server.proxied)]
        # master leads a process group, and its TERM handler signals the whole group.
        with child(
            [master, "-c", str(directory / "etc"), "-e", str(LIFETIME_SECONDS)], directory / "output"
        ) as process:
            if came_up(process, server.log, checks):
                yield server
                return
    raise NotStarted(
        f"Postfix stopped at once, {START_ATTEMPTS} times; the system log may say why, its own ends:\n{end_of(server.log)}"
    )


def _on_free_ports(directory: Path) -> Postfix:
    smtp, submission, smtps, other, strict, proxied = free_ports(6)
    return Postfix(
        host=HOST,
        smtp=smtp,
        submission=submission,
        smtps=smtps,
        other=other,
        strict=strict,
        proxied=proxied,
        user=USER,
        password=PASSWORD,
        ca_file=directory / "tls" / "ca.pem",
        maildir=directory / "mail",
        log=directory / "postfix.log",
    )


def _run(*command: str, stdin: str = "") -> str:
    found = program(command[0])
    if found is None:
        raise NotStarted(f"{command[0]} not found; install with: {PACKAGES}")
    done = subprocess.run([found, *command[1:]], input=stdin, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise NotStarted(
            f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr or 'see the system log'}"
        )
    return done.stdout


def _make_directories(directory: Path) -> None:
    for name, owner in (
        ("tls", "root"),
        ("etc", "root"),
        ("etc/sasl", "root"),
        ("queue", "root"),
        ("data", "postfix"),
        ("mail", "nobody"),
    ):
        make_folder(directory / name, owner)


def _write_users(directory: Path) -> None:
    database = directory / "sasldb2"
    _run("saslpasswd2", "-p", "-c", "-f", str(database), "-u", MAIL_HOST, USER, stdin=PASSWORD)
    shutil.chown(database, "postfix")
    # Debian's Postfix reads this path even if cyrus_sasl_config_path is set; others need that setting.
    for name, mechanisms in (("smtpd", MECHANISMS), ("other", OTHER_MECHANISMS)):
        settings = directory / "etc" / "sasl" / f"{name}.conf"
        settings.write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {mechanisms}\n"
        )
        settings.chmod(0o644)


def _write_configuration(directory: Path, server: Postfix) -> None:
    etc = directory / "etc"
    (etc / "main.cf").write_text(_main_cf(directory, server))
    (etc / "master.cf").write_text(_master_cf(server))
    # Creates the queue directories with the owners and modes that this version of Postfix requires.
    _run("postfix", "-c", str(etc), "check")


def _main_cf(directory: Path, server: Postfix) -> str:
    import pwd  # does not exist on Windows, where this module is imported too

    nobody = pwd.getpwnam("nobody")
    mailboxes = ", ".join(f"{{{name}@{MAIL_DOMAIN} = {name}/}}" for name in MAILBOXES)
    return f"""\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {server.log}
maillog_file_prefixes = {directory}
inet_interfaces = {HOST}
inet_protocols = ipv4
myhostname = {MAIL_HOST}
myorigin = {MAIL_DOMAIN}
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
notify_classes =
virtual_mailbox_domains = {MAIL_DOMAIN}
virtual_mailbox_base = {server.maildir}
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{nobody.pw_uid}
virtual_gid_maps = static:{nobody.pw_gid}
default_transport = discard
relay_transport = discard
disable_dns_lookups = yes
smtp_dns_support_level = disabled
message_size_limit = 209715200
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_discard_ehlo_keywords =
smtpd_tls_security_level = may
smtpd_tls_chain_files = {directory}/tls/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {directory}/etc/sasl
smtpd_sasl_local_domain = {MAIL_HOST}
smtpd_sasl_security_options = noanonymous
"""


def _master_cf(server: Postfix) -> str:
    return f"""\
{HOST}:{server.smtp} inet n - n - - smtpd
  -o smtpd_authorized_xclient_hosts={HOST}
  -o smtpd_authorized_xforward_hosts={HOST}
{HOST}:{server.submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
{HOST}:{server.smtps} inet n - n - - smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
{HOST}:{server.other} inet n - n - - smtpd
  -o syslog_name=postfix/other
  -o smtpd_sasl_path=other
  -o smtpd_sasl_security_options=
{HOST}:{server.proxied} inet n - n - - smtpd
  -o syslog_name=postfix/proxied
  -o smtpd_upstream_proxy_protocol=haproxy
{HOST}:{server.strict} inet n - n - - smtpd
  -o syslog_name=postfix/strict
  -o message_size_limit={STRICT_SIZE_LIMIT}
  -o smtpd_recipient_limit={STRICT_RECIPIENT_LIMIT}
  -o smtpd_hard_error_limit={STRICT_ERROR_LIMIT}
  -o smtpd_error_sleep_time=0
  -o smtpd_timeout={STRICT_IDLE_SECONDS}s
  -o smtpd_helo_required=yes
  -o smtpd_delay_reject=no
  -o smtpd_forbid_bare_newline=reject
  -o smtpd_sasl_auth_enable=no
  -o disable_vrfy_command=yes
  -o smtpd_discard_ehlo_keywords=etrn,chunking,8bitmime,dsn,smtputf8
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
verify     unix       - - n -     1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -     - proxymap
proxywrite unix       - - n -     1 proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
showq      unix       n - n -     - showq
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
virtual    unix       - n n -     - virtual
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
"""
