"""Servers that fish for the password, or accept a client that does not know it."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.support.hostile.peer import CAPABILITIES, HostilePeer, multiline
from tests.support.hostile.scenario import CANARY, USER, scenario, secret_forms
from tests.support.memory import KIB, MIB

SECRETS = secret_forms()
PLAIN = ("ehlo", "auth plain")
LOGIN = ("ehlo", "auth login")
SCRAM = ("ehlo", "auth scram-sha-256")


def _until_auth(peer: HostilePeer, mechanisms: bytes = b"PLAIN LOGIN SCRAM-SHA-256") -> list[bytes]:
    peer.start_tls()
    peer.capabilities = (*CAPABILITIES, b"AUTH " + mechanisms)
    return peer.until(b"AUTH").split()


def _take_credentials(peer: HostilePeer) -> bytes:
    """Serve one AUTH PLAIN or LOGIN, and return the line with the credential, in base64."""
    words = _until_auth(peer)
    if words[1].upper() == b"LOGIN":
        if len(words) < 3:
            peer.challenge(b"Username:")
        return peer.challenge(b"Password:")
    return words[2] if len(words) > 2 else peer.challenge(b"")


def _expect_cancelled(peer: HostilePeer) -> None:
    """Read the answer to a challenge that must not be answered, only cancelled."""
    line = peer.read_line()
    if line != b"*":
        peer.blame("a challenge was answered that should have been cancelled with *")
        return
    peer.send(b"501 5.7.0 cancelled\r\n")
    peer.ordinary()


def _plays_refusal(reply: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        _take_credentials(peer)
        peer.send(reply)
        peer.ordinary()

    return play


REFUSALS = {
    "535": b"535 5.7.8 wrong\r\n",
    "534": b"534 5.7.9 mechanism too weak\r\n",
    "454": b"454 4.7.0 try later\r\n",
    "530": b"530 5.7.0 STARTTLS first\r\n",
    "504": b"504 5.5.4 mechanism unknown\r\n",
    "538": b"538 5.7.11 encryption required\r\n",
    "432": b"432 4.7.12 password transition needed\r\n",
    "500": b"500 5.5.1 what?\r\n",
}

for _name, _reply in REFUSALS.items():
    scenario(
        name=f"auth_refused_{_name}",
        says=f"refuses AUTH with {_name}",
        script=(*PLAIN, "mail ann@example.org"),
        exit=5,
        shows=(_name,),
        never=(b"MAIL",),
        once=(b"AUTH",),
        tls="implicit",
        credentials=True,
    )(_plays_refusal(_reply))


@scenario(
    says="refuses AUTH with 421 and closes",
    script=(*PLAIN, "mail ann@example.org"),
    exit={1, 3, 5},
    shows=("421",),
    never=(b"MAIL",),
    once=(b"AUTH",),
    tls="implicit",
    credentials=True,
)
def auth_refused_421(peer: HostilePeer) -> None:
    _take_credentials(peer)
    peer.send(b"421 4.7.0 too many of you\r\n")


@scenario(
    says="answers AUTH with 250",
    script=(*PLAIN, "mail ann@example.org"),
    exit={1, 5, 6},
    tls="implicit",
    credentials=True,
)
def auth_answered_250(peer: HostilePeer) -> None:
    _plays_refusal(b"250 2.0.0 ok\r\n")(peer)


@scenario(
    says="never answers AUTH", script=PLAIN, exit=3, shows=("AUTH",), once=(b"AUTH",), tls="implicit", credentials=True
)
def auth_never_answered(peer: HostilePeer) -> None:
    _take_credentials(peer)
    peer.hold()


@scenario(
    says="closes where the reply to AUTH should be",
    script=PLAIN,
    exit=3,
    once=(b"AUTH",),
    tls="implicit",
    credentials=True,
)
def auth_closed(peer: HostilePeer) -> None:
    _take_credentials(peer)


@scenario(
    says="announces AUTH in the clear to a client that has a password and no TLS",
    script=PLAIN,
    exit={2, 4, 5},
    never=SECRETS,
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_in_the_clear(peer: HostilePeer) -> None:
    peer.capabilities = (*CAPABILITIES, b"AUTH PLAIN LOGIN")
    peer.ordinary()


@scenario(
    says="announces AUTH in the clear and leaves the mechanism to the client",
    script=("ehlo", "auth"),
    exit={2, 4, 5},
    never=SECRETS,
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_in_the_clear_by_choice(peer: HostilePeer) -> None:
    auth_in_the_clear(peer)


@scenario(
    says="offers PLAIN and LOGIN in the clear only, with a note that STARTTLS is broken",
    script=("ehlo", "starttls", "auth plain"),
    exit=4,
    never=SECRETS,
    tls="starttls",
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_in_the_clear_because_tls_is_broken(peer: HostilePeer) -> None:
    peer.capabilities = (*CAPABILITIES, b"STARTTLS", b"AUTH PLAIN LOGIN")
    peer.ordinary({b"STARTTLS": b"454 4.7.0 TLS is broken today, just authenticate\r\n"})


@scenario(
    says="does not announce AUTH",
    script=("ehlo", "auth"),
    exit=5,
    shows=("AUTH",),
    never=SECRETS,
    tls="implicit",
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_not_offered(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.ordinary()


@scenario(
    says="announces no mechanism that the client knows",
    script=("ehlo", "auth"),
    exit=5,
    shows=("mechanism",),
    never=SECRETS,
    tls="implicit",
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_without_a_common_mechanism(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.capabilities = (b"AUTH X-MINE X-ALSO-MINE", b"AUTH", b"AUTH ")
    peer.ordinary()


@scenario(
    says="refuses the strong mechanism and hopes for the weak one",
    script=("ehlo", "auth"),
    exit=5,
    never=(b"AUTH PLAIN", b"AUTH LOGIN", *SECRETS),
    once=(b"AUTH",),
    tls="implicit",
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_hopes_for_a_step_down(peer: HostilePeer) -> None:
    _until_auth(peer)
    peer.send(b"504 5.5.4 not today, try PLAIN\r\n")
    peer.ordinary()


@scenario(
    says="answers LOGIN with empty challenges, which is odd but answered by order",
    script=(*LOGIN, "quit"),
    exit=0,
    tls="implicit",
    credentials=True,
)
def login_with_empty_challenges(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    if len(words) < 3:
        peer.send(b"334 \r\n")
        peer.read_line()
    peer.send(b"334\r\n")
    peer.read_line()
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.ordinary()


@scenario(
    says="asks in LOGIN for a third thing, the password once more",
    script=LOGIN,
    exit={5, 6},
    tls="implicit",
    credentials=True,
)
def login_asks_a_third_time(peer: HostilePeer) -> None:
    _take_credentials(peer)
    peer.send(b"334 " + base64.b64encode(b"Password again:") + b"\r\n")
    _expect_cancelled(peer)


@scenario(
    says="accepts LOGIN after the user name, without a password",
    script=(*LOGIN, "quit"),
    exit={0, 5, 6},
    replay_exit={0, 1, 5, 6},
    tls="implicit",
    credentials=True,
)
def login_without_a_password(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    if len(words) < 3:
        peer.challenge(b"Username:")
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.ordinary()


@scenario(
    says="asks again and again, as long as it is answered",
    script=LOGIN,
    exit={5, 6},
    tls="implicit",
    credentials=True,
)
def challenges_without_end(peer: HostilePeer) -> None:
    _until_auth(peer)
    for count in range(1000):
        if peer.challenge(b"Password:") == b"*":
            peer.send(b"501 5.7.0 cancelled\r\n")
            peer.ordinary()
            return
        if count == 10:
            peer.blame("more than ten challenges were answered")


@scenario(
    says="sends 334 lines in bulk, without waiting for answers",
    script=LOGIN,
    exit={5, 6},
    tls="implicit",
    credentials=True,
)
def challenges_in_bulk(peer: HostilePeer) -> None:
    _until_auth(peer)
    peer.send_endlessly(b"334 UGFzc3dvcmQ6\r\n", total=4 * MIB)
    peer.hold()


BAD_CHALLENGES = {
    "not_base64": b"334 Password: (in plain words)\r\n",
    "half_base64": b"334 UGFzc3dvcmQ6===\r\n",
    "base64_with_a_tail": b"334 UGFzc3dvcmQ6 and more\r\n",
    "base64_of_the_wrong_length": b"334 UGFzc\r\n",
    "base64_for_urls": b"334 __--\r\n",
    "base64_with_escapes": b"334 UGFz\x1b[31mc3dvcmQ6\r\n",
}


def _plays_bad_challenge(reply: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        _until_auth(peer)
        peer.send(reply)
        _expect_cancelled(peer)

    return play


for _name, _reply in BAD_CHALLENGES.items():
    scenario(
        name=f"challenge_{_name}",
        says=f"answers AUTH LOGIN with {_reply!r}, to be cancelled",
        script=LOGIN,
        exit={5, 6},
        shows=("base64",),
        never=SECRETS,
        leaks=(b"UGFz\x1b[31m",),
        tls="implicit",
        credentials=True,
    )(_plays_bad_challenge(_reply))


@scenario(
    says="sends a challenge of a mebibyte",
    script=LOGIN,
    exit=6,
    shows=("64|65.?536",),
    never=SECRETS,
    tls="implicit",
    credentials=True,
)
def challenge_of_a_mebibyte(peer: HostilePeer) -> None:
    _until_auth(peer)
    peer.send(b"334 " + base64.b64encode(b"x" * MIB) + b"\r\n")
    peer.hold()


@scenario(
    says="sends a challenge in two lines",
    script=LOGIN,
    exit={5, 6},
    never=SECRETS,
    tls="implicit",
    credentials=True,
)
def challenge_in_two_lines(peer: HostilePeer) -> None:
    _until_auth(peer)
    peer.send(b"334-VXNlcm5h\r\n334 bWU6\r\n")
    peer.hold()


@scenario(
    says="hides escape sequences and hostile characters in base64 challenges, which the client shows decoded",
    script=LOGIN,
    exit=5,
    leaks=(b"\x1b]0;owned", b"\x1b[31mName", b"\x9b2J", b"\xe2\x80\xae", b"\r250 forged"),
    rows=("250 forged", "C: QUIT"),
    tls="implicit",
    credentials=True,
)
def challenge_with_escapes(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    if len(words) < 3:
        peer.challenge("\x1b]0;owned\x07\x1b[31mName\u202e:\n250 forged\r250 forged".encode())
    peer.challenge(b"\x9b2J\x00\xff[red]Pass[/nope]word:\nC: QUIT")
    peer.send(b"535 5.7.8 wrong\r\n")
    peer.ordinary()


@scenario(
    says="asks for the password with a challenge where the user name was to be asked",
    script=LOGIN,
    exit=5,
    tls="implicit",
    credentials=True,
)
def login_in_the_other_order(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    if len(words) < 3 and CANARY.encode() in base64.b64decode(peer.challenge(b"Password:")):
        peer.blame("the password was sent where the user name is due")
    peer.challenge(b"Username:")
    peer.send(b"535 5.7.8 wrong\r\n")
    peer.ordinary()


def _plays_echo(reply: Callable[[bytes], bytes]) -> Callable[[HostilePeer], None]:
    """Send the credential back; it must appear neither on the screen nor in a file."""

    def play(peer: HostilePeer) -> None:
        peer.send(reply(_take_credentials(peer)))
        peer.ordinary()

    return play


def _password(line: bytes) -> bytes:
    return base64.b64decode(line).rpartition(b"\0")[2]


ECHOES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64": ("as it came", lambda line: b"535 5.7.8 not " + line + b"\r\n"),
    "decoded": ("decoded", lambda line: b"535 5.7.8 not " + base64.b64decode(line) + b"\r\n"),
    "password": ("the password alone", lambda line: b"535 5.7.8 " + _password(line) + b" is wrong\r\n"),
    "password_base64": (
        "the password alone, in base64",
        lambda line: b"535 5.7.8 " + base64.b64encode(_password(line)) + b"\r\n",
    ),
    "in_a_row": (
        "many times, joined to other words",
        lambda line: b"535 5.7.8 x" + (_password(line) + b"x") * 20 + b"\r\n",
    ),
    "in_many_lines": (
        "in each line of a reply",
        lambda line: multiline(b"535", *(b"5.7.8 " + _password(line), b"5.7.8 " + line) * 3),
    ),
    "malformed": ("in a line that is no reply", lambda line: _password(line) + b" " + line + b"\r\n"),
    "behind": (
        "in a reply that nobody asked for",
        lambda line: b"535 5.7.8 no\r\n250 " + _password(line) + b" " + line + b"\r\n",
    ),
    "in_success": (
        "in the reply that lets it in",
        lambda line: b"235 2.7.0 " + _password(line) + b" " + line + b" is right\r\n",
    ),
}

for _name, (_what, _echo) in ECHOES.items():
    for _mechanism, _script in (("plain", PLAIN), ("login", LOGIN)):
        scenario(
            name=f"echo_{_name}_{_mechanism}",
            says=f"says the credential of AUTH {_mechanism.upper()} back: {_what}",
            script=_script,
            exit={"malformed": {6}, "in_success": {0}, "behind": {5, 6}}.get(_name, {5}),
            tls="implicit",
            credentials=True,
            canary=True,
        )(_plays_echo(_echo))


@scenario(
    says="says the password back in the reply to the EHLO and the MAIL that follow, as a keyword too",
    script=(*PLAIN, "ehlo", "/capabilities", "mail ann@example.org"),
    exit=1,
    tls="implicit",
    credentials=True,
    canary=True,
)
def echo_afterwards(peer: HostilePeer) -> None:
    line = _take_credentials(peer)
    password = _password(line)
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.capabilities = (b"X-" + password, b"XSECRET " + password + b" " + line)
    peer.ordinary({b"MAIL": b"550 5.7.1 " + password + b" " + line + b"\r\n"})


@scenario(
    says="says the password back on the next connection, from the greeting on",
    script=(*PLAIN, "/reconnect", "ehlo", "/status"),
    exit=0,
    tls="implicit",
    credentials=True,
    canary=True,
    ways=("batch", "terminal"),
)
def echo_on_the_next_connection(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.capabilities = (*CAPABILITIES, b"AUTH PLAIN")
    if b"AUTH" in peer.log.received:
        peer.greet(b"welcome back, " + CANARY.encode())
        peer.capabilities = (*peer.capabilities, b"XSECRET " + SECRETS[-1])
    peer.ordinary()


@scenario(
    says="says the password back in the next challenge, which the client shows decoded",
    script=LOGIN,
    exit={5, 6},
    tls="implicit",
    credentials=True,
    canary=True,
)
def echo_in_a_challenge(peer: HostilePeer) -> None:
    line = _take_credentials(peer)
    peer.send(b"334 " + base64.b64encode(b"did you say " + _password(line)) + b"\r\n")
    _expect_cancelled(peer)


@scenario(
    says="says the password back in the farewell",
    script=(*PLAIN, "quit"),
    exit=0,
    tls="implicit",
    credentials=True,
    canary=True,
)
def echo_in_the_farewell(peer: HostilePeer) -> None:
    line = _take_credentials(peer)
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.ordinary({b"QUIT": b"221 2.0.0 bye " + _password(line) + b" " + line + b"\r\n"})


@scenario(
    says="cuts the line in which it says the password back, and closes",
    script=PLAIN,
    exit={3, 6},
    tls="implicit",
    credentials=True,
    canary=True,
)
def echo_cut(peer: HostilePeer) -> None:
    line = _take_credentials(peer)
    peer.send(b"535 5.7.8 " + _password(line) + b" " + line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scram:
    """The server's side of SCRAM (RFC 5802, RFC 7677), correct except for the named deviations."""

    iterations: bytes = b"4096"
    salt: bytes = b"W22ZaJ0SNY7soEsUEjb6gQ=="
    extension: bytes = b""
    nonce: Callable[[bytes], bytes] = lambda client: client + b"-server-nonce"
    first: bytes | None = None
    signature: Callable[[bytes], bytes] = lambda honest: b"v=" + base64.b64encode(honest)
    refused_at_first: bool = False

    def __call__(self, peer: HostilePeer) -> None:
        words = _until_auth(peer)
        client_first = base64.b64decode(words[2] if len(words) > 2 else peer.challenge(b""))
        bare = client_first.split(b",", 2)[2]
        client_nonce = bare.partition(b"r=")[2].split(b",")[0]
        first = self.extension + b"r=" + self.nonce(client_nonce) + b",s=" + self.salt + b",i=" + self.iterations
        first = first if self.first is None else self.first
        if self.refused_at_first:
            peer.send(b"334 " + base64.b64encode(first) + b"\r\n")
            _expect_cancelled(peer)
            return
        client_final = base64.b64decode(peer.challenge(first))
        honest = self._honest_signature(bare, first, client_final)
        if peer.challenge(self.signature(honest)) == b"*":
            peer.send(b"501 5.7.0 cancelled\r\n")
        else:
            peer.send(b"235 2.7.0 welcome\r\n")
        peer.ordinary()

    def _honest_signature(self, bare: bytes, first: bytes, client_final: bytes) -> bytes:
        without_proof = client_final.rpartition(b",p=")[0]
        salted = hashlib.pbkdf2_hmac("sha256", CANARY.encode(), base64.b64decode(self.salt), int(self.iterations))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        return hmac.digest(server_key, b",".join((bare, first, without_proof)), "sha256")


scenario(
    name="scram_honest",
    says="does SCRAM as it should",
    script=(*SCRAM, "quit"),
    exit=0,
    never=SECRETS,
    tls="implicit",
    credentials=True,
)(_Scram())

SCRAM_AT_FIRST: dict[str, tuple[str, set[int], _Scram]] = {
    "nonce_not_extended": ("sends the client's nonce back as it is", {5, 6}, _Scram(nonce=lambda nonce: nonce)),
    "nonce_of_its_own": (
        "sends a nonce that does not begin with the client's",
        {5, 6},
        _Scram(nonce=lambda nonce: b"server" + nonce),
    ),
    "nonce_empty": ("sends no nonce", {5, 6}, _Scram(nonce=lambda nonce: b"")),
    "nonce_shortened": (
        "sends the client's nonce without its last octet",
        {5, 6},
        _Scram(nonce=lambda nonce: nonce[:-1]),
    ),
    "iterations_1": ("asks for 1 iteration, so that the proof is cheap to crack", {5, 6}, _Scram(iterations=b"1")),
    "iterations_4095": ("asks for one iteration less than the least", {5, 6}, _Scram(iterations=b"4095")),
    "iterations_0": ("asks for no iteration", {5, 6}, _Scram(iterations=b"0")),
    "iterations_negative": ("asks for -4096 iterations", {5, 6}, _Scram(iterations=b"-4096")),
    "iterations_10000000": (
        "asks for 10,000,000 iterations, to keep the client busy",
        {5, 6},
        _Scram(iterations=b"10000000"),
    ),
    "iterations_of_5000_digits": (
        "asks for a number of iterations of 5,000 digits",
        {5, 6},
        _Scram(iterations=b"9" * 5_000),
    ),
    "iterations_underscore": ("writes the iterations as 4_096", {5, 6}, _Scram(iterations=b"4_096")),
    "iterations_arabic": ("writes the iterations in Arabic digits", {5, 6}, _Scram(iterations="٤٠٩٦".encode())),
    "iterations_none": ("leaves the iterations out", {5, 6}, _Scram(iterations=b"")),
    "extension": ("asks for an extension that the client must refuse", {5, 6}, _Scram(extension=b"m=kerberos,")),
    "salt_not_base64": ("sends a salt that is not base64", {5, 6}, _Scram(salt=b"#salt#")),
    "first_empty": ("sends an empty first message", {5, 6}, _Scram(first=b"")),
    "first_garbage": ("sends octets of all kinds as its first message", {5, 6}, _Scram(first=bytes(range(256)))),
    "first_of_commas": ("sends 10,000 commas as its first message", {5, 6}, _Scram(first=b"," * 10_000)),
    "error_at_first": ("sends an error as its first message", {5, 6}, _Scram(first=b"e=other-error")),
}

for _name, (_what, _exit, _faulty) in SCRAM_AT_FIRST.items():
    scenario(
        name=f"scram_{_name}",
        says=f"{_what}, in SCRAM",
        script=SCRAM,
        exit=_exit,
        never=SECRETS,
        tls="implicit",
        credentials=True,
    )(replace(_faulty, refused_at_first=True))

SIGNATURES: dict[str, tuple[str, _Scram]] = {
    "wrong": (
        "a signature of somebody who does not know the password",
        _Scram(signature=lambda _: b"v=" + base64.b64encode(b"x" * 32)),
    ),
    "short": (
        "the first half of its signature",
        _Scram(signature=lambda honest: b"v=" + base64.b64encode(honest[:16])),
    ),
    "empty": ("an empty signature", _Scram(signature=lambda _: b"v=")),
    "missing": ("an empty last message", _Scram(signature=lambda _: b"")),
    "not_base64": ("a signature that is not base64", _Scram(signature=lambda _: b"v=#####")),
    "error": ("an error, and then success", _Scram(signature=lambda _: b"e=invalid-proof")),
}

for _name, (_what, _false) in SIGNATURES.items():
    scenario(
        name=f"scram_signature_{_name}",
        says=f"proves nothing in SCRAM: it sends {_what}, and 235",
        script=(*SCRAM, "mail ann@example.org"),
        exit={5, 6} if _name == "error" else 6,
        shows=("signature|server|prove|verif",),
        never=(*SECRETS, b"MAIL"),
        tls="implicit",
        credentials=True,
    )(_false)


@scenario(
    says="says 235 to the first message of SCRAM, without proving that it knows the password",
    script=(*SCRAM, "mail ann@example.org"),
    exit=6,
    shows=("signature|server|prove|verif",),
    never=(*SECRETS, b"MAIL"),
    tls="implicit",
    credentials=True,
)
def scram_235_at_once(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    if len(words) < 3:
        peer.challenge(b"")
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.ordinary()


@scenario(
    says="says 235 to the proof of SCRAM, without its signature",
    script=(*SCRAM, "mail ann@example.org"),
    exit=6,
    shows=("signature|server|prove|verif",),
    never=(*SECRETS, b"MAIL"),
    tls="implicit",
    credentials=True,
)
def scram_235_without_a_signature(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    client_first = base64.b64decode(words[2] if len(words) > 2 else peer.challenge(b""))
    nonce = client_first.partition(b"r=")[2]
    peer.challenge(b"r=" + nonce + b"-server-nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    peer.send(b"235 2.7.0 welcome\r\n")
    peer.ordinary()


@scenario(
    says="answers the proof of SCRAM with 535",
    script=(*SCRAM, "mail ann@example.org"),
    exit=5,
    shows=("535",),
    never=(*SECRETS, b"MAIL"),
    once=(b"AUTH",),
    tls="implicit",
    credentials=True,
)
def scram_refused(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    client_first = base64.b64decode(words[2] if len(words) > 2 else peer.challenge(b""))
    nonce = client_first.partition(b"r=")[2]
    peer.challenge(b"r=" + nonce + b"-server-nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    peer.send(b"535 5.7.8 wrong\r\n")
    peer.ordinary()


@scenario(
    says="sends a salt of 60,000 octets in SCRAM",
    script=SCRAM,
    exit={5, 6},
    never=SECRETS,
    tls="implicit",
    credentials=True,
)
def scram_long_salt(peer: HostilePeer) -> None:
    words = _until_auth(peer)
    client_first = base64.b64decode(words[2] if len(words) > 2 else peer.challenge(b""))
    nonce = client_first.partition(b"r=")[2]
    peer.send(b"334 " + base64.b64encode(b"r=" + nonce + b"x,i=4096,s=" + base64.b64encode(b"s" * 60 * KIB)) + b"\r\n")
    peer.hold()


@scenario(
    says="refuses the user by the name that it was given, with a hostile tail",
    script=PLAIN,
    exit=5,
    leaks=(b"\x1b[31mwho",),
    tls="implicit",
    credentials=True,
)
def auth_refused_with_escapes(peer: HostilePeer) -> None:
    _take_credentials(peer)
    peer.send(b"535-5.7.8 " + USER.encode() + b"\r\n535 5.7.8 \x1b[31mwho?\r\n")
    peer.ordinary()
