"""Each mechanism against Cyrus SASL, which Postfix authenticates with: a server's side that we have not written."""

from collections.abc import Iterator

import pytest

from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.sasl import ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.secret import Secret
from tests.support.cyrus import PASSWORD, REALM, USER, Cyrus, CyrusExchange, the_library, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

BINDING = ChannelBinding("tls-exporter", bytes(range(32)))
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM"]
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]


@pytest.fixture
def cyrus() -> Cyrus:
    return the_library()


@pytest.fixture
def server(cyrus: Cyrus) -> Iterator[CyrusExchange]:
    exchange = cyrus.begin(BINDING)
    yield exchange
    exchange.close()


def run(
    server: CyrusExchange,
    name: str,
    *,
    user: str = USER,
    password: str = PASSWORD,
    authzid: str = "",
    initial: bool = True,
    binding: ChannelBinding | None = BINDING,
    unannounced: bool = False,
) -> bool:
    """Do an exchange; return whether the server accepted and had proved itself where it can."""
    import secrets

    exchange = mechanism(name).start(
        Credentials(user, Secret(password), authzid),
        nonce=lambda: secrets.token_urlsafe(18),
        host=REALM,
        port=587,
        binding=binding,
        binding_unannounced=unannounced,
    )
    first = exchange.initial_response(asked=True) if initial else None
    challenge = server.hear(name, first.octets if first is not None else None)
    while challenge is not None:
        response = exchange.respond(challenge)
        if server.accepted:  # what it said came with success
            break
        challenge = server.hear(name, response.octets)
    if server.accepted:
        exchange.finish()
    return server.accepted


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("name", [*MECHANISMS, *PLUS])
def test_the_right_password(server: CyrusExchange, name: str, initial: bool) -> None:
    # Without -PLUS the client must not say that it could bind: this server can, and so would find it out.
    assert run(server, name, initial=initial), server.detail


@pytest.mark.parametrize("name", [*MECHANISMS, *PLUS])
def test_the_wrong_password(server: CyrusExchange, name: str) -> None:
    assert not run(server, name, password="wrong horse")


@pytest.mark.parametrize("name", PLUS)
def test_another_tls_connection_than_the_servers(server: CyrusExchange, name: str) -> None:
    """Who has one TLS connection to each side and passes the exchange on."""
    assert not run(server, name, binding=ChannelBinding("tls-exporter", bytes(32)))
    assert "binding" in server.detail.lower()


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_who_takes_plus_out_of_the_announcement_is_found_out(server: CyrusExchange, name: str) -> None:
    assert not run(server, name, unannounced=True)
    assert "binding" in server.detail.lower()


def test_a_server_that_cannot_bind_takes_a_client_that_could(cyrus: Cyrus) -> None:
    server = cyrus.begin()
    assert run(server, "SCRAM-SHA-256", unannounced=True), server.detail
    server.close()


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "DIGEST-MD5"])
def test_an_authorization_identity(server: CyrusExchange, name: str) -> None:
    assert run(server, name, authzid=f"{USER}@{REALM}"), server.detail


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "DIGEST-MD5"])
def test_an_authorization_identity_that_is_not_allowed(server: CyrusExchange, name: str) -> None:
    assert not run(server, name, authzid="admin")


def test_anonymous(server: CyrusExchange) -> None:
    assert run(server, "ANONYMOUS", user="trace@example.org", password=""), server.detail


@pytest.mark.parametrize(("authzid", "accepted"), [("", True), (f"ann@{REALM}", True), ("bob", False)])
def test_external(cyrus: Cyrus, authzid: str, accepted: bool) -> None:
    server = cyrus.begin(external=f"ann@{REALM}")
    assert run(server, "EXTERNAL", user="", password="", authzid=authzid) is accepted
    server.close()


@pytest.mark.parametrize("name", PLUS)
def test_nothing_to_bind_to(server: CyrusExchange, name: str) -> None:
    with pytest.raises(AuthFailed, match="use starttls first, or SCRAM-SHA"):
        run(server, name, binding=None)


def test_a_type_that_the_server_cannot(server: CyrusExchange) -> None:
    assert not run(server, "SCRAM-SHA-256-PLUS", binding=ChannelBinding("tls-unique", b"x" * 12))
    assert "bindings type" in server.detail
