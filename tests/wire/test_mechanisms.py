"""The matrix: each server, each mechanism, without TLS, after STARTTLS, and with TLS from the first octet.

`SERVERS` has what each announces, and why it does not announce the rest. A test holds that it really does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from smtp_shell import connect
from smtp_shell.errors import AuthFailed, SmtpShellError
from smtp_shell.protocol.sasl import MECHANISMS
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.daemon import USER

if TYPE_CHECKING:
    from smtp_shell import Session
    from tests.support.dovecot import Dovecot
    from tests.support.exim import Exim
    from tests.support.postfix import Postfix

PLAIN, STARTTLS, IMPLICIT = WAYS = ("plain", "STARTTLS", "TLS")
TOKENS: Final = frozenset({"XOAUTH2", "OAUTHBEARER"})
WITHOUT_PASSWORD: Final = frozenset({"EXTERNAL", "ANONYMOUS"})

NO_REALM = "it needs a Kerberos realm with a key for the server, which no package sets up; its exchange is tried without a socket"
NO_BINDING = "the server's library does not know of its TLS, and Cyrus SASL announces no -PLUS then"
NO_PLUS_IN_2_3 = "Dovecot 2.3 does no channel binding; 2.4 does"
NO_PLUGIN = "Cyrus SASL has no plugin for it in Debian"
BUILT_WITHOUT = "exim4-daemon-light is built with the authenticators cram_md5, plaintext and external"
NOT_TAUGHT = "the practice server has what is in use today, and one old one; it teaches no more of those"
NO_CERTIFICATES = "the practice server asks for no client certificate"
NEEDS_TLS = "there is nothing of TLS to bind to, or to show a certificate in"


@dataclass(frozen=True)
class Server:
    """A row of the matrix.

    Args:
        offers: What is announced in each way; a way that is missing is one that the server does not have.
        lacks: Mechanism -> why it is not announced.
        without_tls: Mechanism -> why it is announced in TLS alone.
        in_vain: Mechanism -> why it is refused without TLS although it is announced.
        marker: The marker of its tests; empty for none.
    """

    offers: dict[str, str]
    lacks: dict[str, str]
    without_tls: dict[str, str] = field(default_factory=dict)
    in_vain: dict[str, str] = field(default_factory=dict)
    marker: str = ""


PASSWORDS = "PLAIN LOGIN CRAM-MD5"
CYRUS = f"{PASSWORDS} DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
PRACTICE = f"{PASSWORDS} SCRAM-SHA-256 XOAUTH2 OAUTHBEARER"
DOVECOT = f"{CYRUS} XOAUTH2 OAUTHBEARER EXTERNAL"
PLUS = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")

SERVERS: Final = {
    "practice": Server(
        {PLAIN: PRACTICE, STARTTLS: f"{PRACTICE} SCRAM-SHA-256-PLUS"},
        dict.fromkeys(("DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "NTLM", "ANONYMOUS"), NOT_TAUGHT)
        | {"EXTERNAL": NO_CERTIFICATES, "GSSAPI": NO_REALM},
        without_tls={"SCRAM-SHA-256-PLUS": NEEDS_TLS},
    ),
    "Postfix": Server(
        dict.fromkeys(WAYS, CYRUS),
        dict.fromkeys(PLUS, NO_BINDING)
        | dict.fromkeys(TOKENS, NO_PLUGIN)
        | dict.fromkeys(("ANONYMOUS", "NTLM"), "a port of its own has them, as a row of its own")
        | {
            "EXTERNAL": "Postfix has certificates for access control, and tells Cyrus SASL nothing of them",
            "GSSAPI": NO_REALM,
        },
        marker="postfix",
    ),
    "Postfix, other port": Server(
        dict.fromkeys((PLAIN, STARTTLS), "ANONYMOUS NTLM"),
        dict.fromkeys((*CYRUS.split(), *PLUS, *TOKENS, "EXTERNAL", "GSSAPI"), "its mech_list has two alone"),
        marker="postfix",
    ),
    "Exim": Server(
        {PLAIN: PASSWORDS, STARTTLS: f"{PASSWORDS} EXTERNAL", IMPLICIT: f"{PASSWORDS} EXTERNAL"},
        dict.fromkeys(
            ("DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", *PLUS, *TOKENS, "NTLM", "ANONYMOUS"), BUILT_WITHOUT
        )
        | {"GSSAPI": NO_REALM},
        without_tls={"EXTERNAL": NEEDS_TLS},
        marker="exim",
    ),
    "Dovecot": Server(
        dict.fromkeys(WAYS, DOVECOT),
        dict.fromkeys(PLUS, NO_PLUS_IN_2_3)
        | {
            "ANONYMOUS": "a user would have to be named for everybody, and mail to be relayed for everybody",
            "NTLM": "Dovecot 2.3 does it by Samba's winbind, which is not installed",
            "GSSAPI": NO_REALM,
        },
        in_vain={"EXTERNAL": NEEDS_TLS},
        marker="dovecot",
    ),
}


class Place(NamedTuple):
    """Where a server is, and with what to authenticate there."""

    host: str
    ports: dict[str, int]
    ca_file: Path
    password: str
    token: str = ""
    client_cert: Path | None = None

    def connect(self, way: str, mechanism: str = "") -> Session:
        """Open a session, TLS started. The client's certificate is shown for EXTERNAL alone: servers may take the user's name from it."""
        return connect(
            f"smtp://{self.host}:{self.ports[way]}",
            tls=way == IMPLICIT,
            starttls=way == STARTTLS,
            ca_file=self.ca_file,
            client_cert=self.client_cert if mechanism == "EXTERNAL" else None,
            timeout=30,
        )

    def authenticate(self, session: Session, mechanism: str, *, wrong: str = "") -> int:
        """Authenticate, with a wrong password or token if there is one, and return the code of the reply."""
        password, token = (wrong, wrong) if wrong else (self.password, self.token)
        if mechanism in TOKENS:
            return session.auth(USER, token=token, mechanism=mechanism, insecure=True).code
        return session.auth(USER, password, mechanism=mechanism, insecure=True).code


@pytest.fixture(scope="module")
def open_practice() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings(user=USER, auth_before_tls=True)) as server:
        yield server


@pytest.fixture
def place(server: str, request: pytest.FixtureRequest) -> Place:
    """Start the server of a row."""
    match server:
        case "practice":
            practice: PracticeServer = request.getfixturevalue("open_practice")
            ports = dict.fromkeys(WAYS, practice.port)
            return Place(practice.host, ports, practice.ca_file, practice.password.reveal(), practice.token.reveal())
        case "Postfix" | "Postfix, other port":
            postfix: Postfix = request.getfixturevalue("postfix")
            port = postfix.smtp if server == "Postfix" else postfix.other
            ports = {PLAIN: port, STARTTLS: port, IMPLICIT: postfix.smtps}
            return Place(postfix.host, ports, postfix.ca_file, postfix.password)
        case "Exim":
            exim: Exim = request.getfixturevalue("exim")
            ports = {PLAIN: exim.smtp, STARTTLS: exim.smtp, IMPLICIT: exim.smtps}
            return Place(exim.host, ports, exim.ca_file, exim.password, client_cert=exim.client_cert)
    dovecot: Dovecot = request.getfixturevalue("dovecot")
    ports = {PLAIN: dovecot.submission, STARTTLS: dovecot.submission, IMPLICIT: dovecot.submissions}
    return Place(dovecot.host, ports, dovecot.ca_file, dovecot.password, dovecot.token, dovecot.client_cert)


def row(server: str, *rest: str) -> object:
    marker = SERVERS[server].marker
    return pytest.param(
        server, *rest, marks=[getattr(pytest.mark, marker)] if marker else [], id="-".join((server, *rest))
    )


CELLS = [
    (server, way, mechanism)
    for server, has in SERVERS.items()
    for way, offered in has.offers.items()
    for mechanism in offered.split()
]


@pytest.mark.parametrize(
    ("server", "way", "mechanism"),
    [row(*cell) for cell in CELLS if not (cell[1] == PLAIN and cell[2] in SERVERS[cell[0]].in_vain)],
)
def test_the_user_is_let_in(place: Place, way: str, mechanism: str) -> None:
    with place.connect(way, mechanism) as session:
        assert place.authenticate(session, mechanism) == 235
        assert session.command("MAIL FROM:<ann@example.org>").code == 250


@pytest.mark.parametrize(
    ("server", "mechanism"),
    [row(server, name) for server, way, name in CELLS if way == STARTTLS and name not in WITHOUT_PASSWORD],
)
def test_a_wrong_password_or_token_is_refused(place: Place, mechanism: str) -> None:
    with place.connect(STARTTLS) as session:
        with pytest.raises(AuthFailed, match="535"):
            place.authenticate(session, mechanism, wrong="another")
        assert session.command("NOOP").code == 250, "the dialogue goes on"


@pytest.mark.parametrize(("server", "way"), [row(server, way) for server in SERVERS for way in WAYS])
def test_nothing_else_is_announced(place: Place, server: str, way: str) -> None:
    offered = SERVERS[server].offers.get(way)
    if offered is None:
        if server == "practice":
            with pytest.raises(SmtpShellError):
                place.connect(way)
        else:
            assert set(place.ports) == set(WAYS), "the row of the server's other ports has it"
        return
    certified = "EXTERNAL" if "EXTERNAL" in offered else ""
    with place.connect(way, certified) as session:
        session.ehlo()
        assert session.extensions is not None
        announced = session.extensions.mechanisms
    assert sorted(announced) == sorted(offered.split())


@pytest.mark.parametrize(
    ("server", "mechanism"), [row(server, each) for server, has in SERVERS.items() for each in has.in_vain]
)
def test_what_is_announced_in_vain_is_refused(place: Place, mechanism: str) -> None:
    with place.connect(PLAIN, mechanism) as session, pytest.raises(AuthFailed, match="535"):
        place.authenticate(session, mechanism)


@pytest.mark.postfix
@pytest.mark.parametrize("server", ["Postfix"])
def test_a_token_is_of_no_use_where_no_mechanism_takes_one(place: Place) -> None:
    with place.connect(STARTTLS) as session, pytest.raises(AuthFailed, match="no mechanism that takes a token"):
        session.auth(USER, token="a.token")


@pytest.mark.parametrize("server", SERVERS)
def test_each_mechanism_has_a_place_or_a_reason(server: str) -> None:
    has = SERVERS[server]
    for way, offered in has.offers.items():
        lacks = has.lacks | (has.without_tls if way == PLAIN else {})
        assert set(offered.split()) | set(lacks) == set(MECHANISMS)
        assert not set(offered.split()) & set(lacks)
        assert all(lacks.values())
