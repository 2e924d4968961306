"""The client's cases of the NO STARTTLS study (Poddebniak and others, USENIX Security 2021), and other failures of TLS."""

import ssl
from collections.abc import Callable

from tests.support.hostile.certificates import CertificateName, ca_pem, fresh_server_context
from tests.support.hostile.peer import CAPABILITIES, HostilePeer, multiline
from tests.support.hostile.scenario import scenario, secret_forms

HAND_MADE = ("ehlo", "starttls", "ehlo", "mail ann@example.org")
DEMANDED = ("--starttls",)
BEHIND = ("behind|after the 220|before the handshake|injected",)
SECRETS = (*secret_forms(), b"AUTH")
AFTER_220 = (b"MAIL", b"AUTH", *secret_forms())


def _until_starttls(peer: HostilePeer) -> None:
    peer.capabilities = (*CAPABILITIES, b"STARTTLS")
    peer.until(b"STARTTLS")


def _plays_injection(octets: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        _until_starttls(peer)
        peer.send(b"220 2.0.0 go ahead\r\n" + octets)
        peer.start_tls()
        peer.capabilities = CAPABILITIES
        peer.ordinary({b"EHLO": multiline(b"250", b"hostile.example.org, the true one", b"SIZE 1")})

    return play


INJECTIONS = {
    "reply": ("a whole reply", b"250 2.0.0 forged\r\n"),
    "reply_to_ehlo": ("a reply to the next EHLO, with AUTH", b"250-forged\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1\r\n"),
    "reply_to_auth": ("replies to EHLO, AUTH and MAIL", b"250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n250 2.1.0 ok\r\n"),
    "fragment": ("the beginning of a reply, to be completed inside TLS", b"250-forged\r\n250-AU"),
    "octet": ("one octet", b"2"),
    "line_end": ("an empty line", b"\r\n"),
    "lf": ("a second LF", b"\n"),
    "nul": ("a NUL", b"\0"),
    "tls_record": ("a TLS record, before the client has said hello", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"),
    "refusal": ("a second thought", b"454 4.7.0 on second thought, no\r\n"),
}

for _name, (_what, _octets) in INJECTIONS.items():
    scenario(
        name=f"injects_{_name}",
        says=f"sends behind the 220, in the same segment: {_what}",
        script=HAND_MADE,
        exit=6,
        shows=BEHIND,
        never=AFTER_220,
        tls="starttls",
    )(_plays_injection(_octets))

scenario(
    name="injects_where_starttls_is_demanded",
    says="sends a reply behind the 220, to a client that must have TLS and has a password",
    script=("auth plain", "mail ann@example.org"),
    exit=6,
    shows=BEHIND,
    never=AFTER_220,
    tls="starttls",
    options=DEMANDED,
    credentials=True,
)(_plays_injection(b"250-forged\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n"))


@scenario(
    says="sends behind the 220, in the same segment and in many more: 20 MB of replies",
    script=HAND_MADE,
    exit={4, 6},
    never=AFTER_220,
    tls="starttls",
)
def injects_flood(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n" + b"250 forged\r\n" * 1000)
    peer.send_endlessly(b"250 forged\r\n", reading=False)
    peer.hold_after_220()


@scenario(
    says="sends clear text behind the 220 in later segments, when the client has said hello",
    script=HAND_MADE,
    exit={4, 6},
    never=AFTER_220,
    tls="starttls",
)
def injects_later(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.read_client_hello()
    peer.send(b"250-forged\r\n")
    peer.pause(0.2)
    peer.send(b"250 AUTH PLAIN\r\n")
    peer.hold_after_220()


@scenario(
    says="sends clear text in the segment after that of the 220, without waiting for the client",
    script=HAND_MADE,
    exit={4, 6},
    never=AFTER_220,
    tls="starttls",
)
def injects_in_the_next_segment(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.send(b"250-forged\r\n250 AUTH PLAIN\r\n")
    peer.hold_after_220()


@scenario(
    says="sends the 220's line end together with a forged reply",
    script=HAND_MADE,
    exit=6,
    shows=BEHIND,
    never=AFTER_220,
    tls="starttls",
)
def injects_with_a_split_220(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ah")
    peer.pause(0.2)
    peer.send(b"ead\r\n250 forged\r\n")
    peer.hold_after_220()


@scenario(
    says="answers STARTTLS before it was asked, behind the reply to EHLO",
    script=HAND_MADE,
    exit={1, 4, 6},
    never=AFTER_220,
    tls="starttls",
)
def answers_starttls_in_advance(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(multiline(b"250", b"hostile.example.org", b"STARTTLS") + b"220 2.0.0 go ahead\r\n")
    peer.until(b"STARTTLS")
    peer.send(b"454 4.7.0 not now\r\n")
    peer.hold()


def _plays_answer_to_starttls(reply: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        _until_starttls(peer)
        peer.send(reply)
        peer.ordinary()

    return play


ANSWERS_TO_STARTTLS: dict[str, tuple[bytes, set[int]]] = {
    "421": (b"421 4.3.2 shutting down\r\n", {4}),
    "454": (b"454 4.7.0 TLS not available\r\n", {4}),
    "500": (b"500 5.5.1 what?\r\n", {4}),
    "502": (b"502 5.5.1 not here\r\n", {4}),
    "530": (b"530 5.7.0 authenticate first\r\n", {4}),
    "250": (b"250 2.0.0 ok\r\n", {4, 6}),
    "221": (b"221 2.0.0 bye\r\n", {4, 6}),
    "235": (b"235 2.7.0 welcome, no need for that\r\n", {4, 6}),
    "334": (b"334 UGFzc3dvcmQ6\r\n", {4, 6}),
    "354": (b"354 go ahead\r\n", {4, 6}),
    "22O": (b"22O 2.0.0 go ahead\r\n", {6}),
    "2200": (b"2200 go ahead\r\n", {6}),
    "220_and_454": (b"220-go ahead\r\n454 or not\r\n", {6}),
    "454_and_220": (b"454-no\r\n220 go ahead\r\n", {6}),
}

for _name, (_reply, _exit) in ANSWERS_TO_STARTTLS.items():
    scenario(
        name=f"answers_starttls_with_{_name}",
        says=f"answers STARTTLS with {_reply!r}",
        script=HAND_MADE,
        exit=_exit,
        shows=("STARTTLS",),
        never=(b"MAIL", b"\x16\x03"),
        tls="starttls",
    )(_plays_answer_to_starttls(_reply))
    scenario(
        name=f"answers_starttls_with_{_name}_where_it_is_demanded",
        says=f"answers STARTTLS with {_reply!r}, to a client that must have TLS and has a password",
        script=("auth plain", "mail ann@example.org"),
        exit=_exit,
        never=(b"MAIL", b"\x16\x03", *SECRETS),
        tls="starttls",
        options=DEMANDED,
        credentials=True,
        ways=("batch", "terminal"),
    )(_plays_answer_to_starttls(_reply))


@scenario(
    says="cuts the 220 and closes",
    script=HAND_MADE,
    exit={3, 6},
    never=AFTER_220,
    tls="starttls",
)
def reply_to_starttls_cut(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0")


@scenario(
    says="says 220 in many lines, which is a 220",
    script=("ehlo", "starttls", "ehlo", "quit"),
    exit=0,
    tls="starttls",
)
def reply_to_starttls_in_many_lines(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220-2.0.0 go\r\n220-\r\n220 2.0.0 ahead\r\n")
    peer.start_tls()
    peer.ordinary()


@scenario(says="never answers STARTTLS", script=HAND_MADE, exit=3, shows=("STARTTLS",), never=AFTER_220, tls="starttls")
def never_answers_starttls(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.hold()


def _plays_stripped(
    *capabilities: bytes, greeting: bytes = b"hostile.example.org ESMTP"
) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        peer.capabilities = (*CAPABILITIES, *capabilities, b"AUTH PLAIN LOGIN")
        peer.greet(greeting)
        peer.ordinary({b"STARTTLS": b"502 5.5.1 not here\r\n"})

    return play


STRIPPED: dict[str, tuple[str, Callable[[HostilePeer], None]]] = {
    "": ("does not announce STARTTLS, which somebody took out", _plays_stripped()),
    "by_x": ("announces XXXXXXXX where STARTTLS stood, as some firewalls do", _plays_stripped(b"XXXXXXXX")),
    "by_a_look_alike": (
        "announces a word that upper-cases to STARTTLS but is another",
        _plays_stripped("ſtarttls".encode()),
    ),
    "by_a_longer_word": ("announces STARTTLSX and X-STARTTLS only", _plays_stripped(b"STARTTLSX", b"X-STARTTLS")),
    "by_a_greeting": (
        "greets as if the session were authenticated and secure already, and announces no STARTTLS",
        _plays_stripped(greeting=b"hostile.example.org PREAUTH already authenticated, TLS active"),
    ),
}

for _name, (_what, _play) in STRIPPED.items():
    scenario(
        name=f"stripped_{_name}".rstrip("_"),
        says=f"{_what}; the client must have TLS",
        script=("auth plain", "mail ann@example.org"),
        exit=4,
        shows=("STARTTLS",),
        never=(b"MAIL", *SECRETS),
        tls="starttls",
        options=DEMANDED,
        credentials=True,
        ways=("batch", "terminal"),
    )(_play)


@scenario(
    says="answers EHLO with 502 and HELO with 250, so that there is no STARTTLS; the client must have TLS",
    script=("mail ann@example.org",),
    exit={1, 4},
    never=(b"MAIL", *SECRETS),
    tls="starttls",
    options=DEMANDED,
    ways=("batch", "terminal"),
)
def stripped_by_helo(peer: HostilePeer) -> None:
    peer.ordinary({b"EHLO": b"502 5.5.1 not here\r\n", b"STARTTLS": b"502 5.5.1 not here\r\n"})


@scenario(
    says="announces STARTTLS and AUTH, in lower case and with blanks, which is as good",
    script=("ehlo", "quit"),
    exit=0,
    tls="starttls",
    options=DEMANDED,
)
def announces_in_lower_case(peer: HostilePeer) -> None:
    peer.capabilities = (b"size 1000", b"starttls  ", b"auth plain")
    peer.ordinary()


@scenario(
    says="refuses STARTTLS and names another server, to which nobody asked to go",
    script=("ehlo", "mail ann@example.org"),
    exit=4,
    never=(b"MAIL",),
    tls="starttls",
    options=DEMANDED,
    ways=("batch", "terminal"),
)
def refers_elsewhere(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"454 4.7.0 TLS is at smtp://127.0.0.1:25, go there (REFERRAL smtp://evil.example/)\r\n")
    peer.ordinary()


def _plays_after_220(play: Callable[[HostilePeer], None]) -> Callable[[HostilePeer], None]:
    def play_all(peer: HostilePeer) -> None:
        _until_starttls(peer)
        peer.send(b"220 2.0.0 go ahead\r\n")
        play(peer)

    return play_all


def _plays_octets_for_a_handshake(octets: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        peer.read_client_hello()
        peer.send(octets)
        peer.hold_after_220()

    return play


def _cut_in_the_handshake(peer: HostilePeer) -> None:
    peer.read_client_hello()
    peer.send(b"\x16\x03\x03\x00\x7a\x02\x00\x00")


def _reset_in_the_handshake(peer: HostilePeer) -> None:
    peer.read_client_hello()
    peer.reset()


def _garbage_in_records(peer: HostilePeer) -> None:
    peer.read_client_hello()
    peer.send_endlessly(b"\x17\x03\x03\x40\x00" + b"\xaa" * 0x4000)


SERVER_HELLO_TLS_1_1 = b"\x16\x03\x02\x00\x2a" + b"\x02\x00\x00\x26\x03\x02" + bytes(range(32)) + b"\x00\xc0\x13\x00"
HANDSHAKES: dict[str, tuple[str, set[int], Callable[[HostilePeer], None]]] = {
    "clear_text": (
        "clear text in place of a handshake",
        {4, 6},
        _plays_octets_for_a_handshake(b"454 4.7.0 TLS broke\r\n"),
    ),
    "success_in_clear": (
        "a greeting in the clear in place of a handshake",
        {4, 6},
        _plays_octets_for_a_handshake(b"220 TLS active\r\n"),
    ),
    "alert": ("a TLS alert", {4}, _plays_octets_for_a_handshake(b"\x15\x03\x03\x00\x02\x02\x28")),
    "old_version": ("a handshake of TLS 1.1", {4}, _plays_octets_for_a_handshake(SERVER_HELLO_TLS_1_1)),
    "ssl_3": (
        "a handshake of SSL 3",
        {4},
        _plays_octets_for_a_handshake(SERVER_HELLO_TLS_1_1.replace(b"\x03\x02", b"\x03\x00")),
    ),
    "never_ending": ("nothing, for ever", {3, 4}, HostilePeer.hold_after_220),
    "cut": ("half a record, and closes", {3, 4}, _cut_in_the_handshake),
    "reset": ("a TCP reset", {3, 4}, _reset_in_the_handshake),
    "garbage": ("20 MB of records of garbage", {4, 6}, _garbage_in_records),
}

for _name, (_what, _exit, _play) in HANDSHAKES.items():
    scenario(
        name=f"handshake_{_name}",
        says=f"says 220 and then sends {_what}",
        script=HAND_MADE,
        exit=_exit,
        shows=("TLS|handshake",),
        never=AFTER_220,
        tls="starttls",
    )(_plays_after_220(_play))


@scenario(
    says="speaks SMTP in the clear where TLS was to be from the first octet",
    script=("ehlo", "mail ann@example.org"),
    exit=4,
    shows=("TLS",),
    never=AFTER_220,
    tls="implicit",
)
def clear_text_on_a_tls_port(peer: HostilePeer) -> None:
    peer.greet()
    peer.hold_after_220()


@scenario(
    says="says nothing where TLS was to be from the first octet",
    script=("ehlo",),
    exit={3, 4},
    shows=("TLS|handshake",),
    tls="implicit",
)
def silence_on_a_tls_port(peer: HostilePeer) -> None:
    peer.hold_after_220()


CERTIFICATES: dict[str, tuple[CertificateName, str]] = {
    "of_another_host": ("wrong name", "match|name|valid for"),
    "expired": ("expired", "expired"),
    "not_yet_valid": ("not yet valid", "not yet valid|verif"),
    "self_signed": ("self-signed", "self.signed|verif"),
    "of_an_unknown_authority": ("unknown ca", "verif|issuer|authority|unknown"),
}


def _plays_certificate(certificate: CertificateName, *, implicit: bool) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        if not implicit:
            _until_starttls(peer)
            peer.send(b"220 2.0.0 go ahead\r\n")
        peer.start_tls(certificate)
        peer.capabilities = (*CAPABILITIES, b"AUTH PLAIN LOGIN")
        if implicit:
            peer.greet()
        peer.ordinary()

    return play


for _name, (_certificate, _shown) in CERTIFICATES.items():
    scenario(
        name=f"certificate_{_name}",
        says=f"has a certificate that will not do behind STARTTLS: {_certificate}",
        script=HAND_MADE,
        exit=4,
        shows=(_shown,),
        never=AFTER_220,
        tls="starttls",
    )(_plays_certificate(_certificate, implicit=False))
    scenario(
        name=f"certificate_{_name}_in_tls",
        says=f"has a certificate that will not do where the client has a password: {_certificate}",
        script=("ehlo", "auth plain", "mail ann@example.org"),
        exit=4,
        shows=(_shown,),
        never=(b"EHLO", *AFTER_220),
        tls="implicit",
        credentials=True,
    )(_plays_certificate(_certificate, implicit=True))


@scenario(
    says="has a self-signed certificate, which the user takes unchecked by name",
    script=("ehlo", "quit"),
    exit=0,
    shows=("insecure|not verified|unverified",),
    tls="implicit",
    options=("--insecure",),
)
def certificate_unchecked(peer: HostilePeer) -> None:
    peer.start_tls("self-signed")
    peer.ordinary()


@scenario(
    says="announces other things inside TLS than in the clear",
    script=("ehlo", "starttls", "ehlo", "/capabilities", "quit"),
    exit=0,
    tls="starttls",
)
def capabilities_differ(peer: HostilePeer) -> None:
    peer.capabilities = (b"STARTTLS", b"X-ONLY-IN-THE-CLEAR", b"SIZE 1")
    peer.until(b"STARTTLS")
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.start_tls()
    peer.capabilities = (b"X-ONLY-IN-TLS", b"SIZE 2")
    peer.ordinary()


@scenario(
    says="announces AUTH only in the clear, so that inside TLS nobody may use what was said before",
    script=("ehlo", "starttls", "ehlo", "auth"),
    exit=5,
    never=SECRETS,
    tls="starttls",
    credentials=True,
    ways=("batch", "terminal"),
)
def auth_only_in_the_clear(peer: HostilePeer) -> None:
    peer.capabilities = (b"STARTTLS", b"AUTH PLAIN LOGIN")
    peer.until(b"STARTTLS")
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.start_tls()
    peer.capabilities = (b"SIZE 2",)
    peer.ordinary()


@scenario(
    says="announces STARTTLS again inside TLS, and refuses it there",
    script=("ehlo", "starttls", "ehlo", "quit"),
    exit=0,
    tls="starttls",
)
def starttls_again(peer: HostilePeer) -> None:
    peer.capabilities = (b"STARTTLS", b"SIZE 1")
    peer.ordinary()


@scenario(
    says="answers a second STARTTLS inside TLS with 220",
    script=("ehlo", "starttls", "starttls"),
    exit={4, 6},
    tls="starttls",
)
def starttls_twice(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.start_tls()
    peer.until(b"STARTTLS")
    peer.send(b"220 2.0.0 go ahead, twice\r\n")
    peer.hold()


@scenario(
    says="greets again inside TLS, so that the greeting may pass for the reply to EHLO, which is refused",
    script=("ehlo", "starttls", "ehlo"),
    exit={1, 6},
    tls="starttls",
)
def greets_again_inside_tls(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.start_tls()
    peer.send(b"250 forged, but inside TLS\r\n")
    peer.ordinary({b"EHLO": b"550 5.7.1 not you\r\n"})


@scenario(
    says="closes TCP inside TLS in the middle of a reply, without TLS's own end",
    script=("ehlo", "mail ann@example.org"),
    exit={3, 6},
    never=(b"MAIL",),
    tls="implicit",
)
def cut_inside_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.until(b"EHLO")
    peer.send(b"250-hostile.example.org\r\n")
    peer.close(notify=False)


@scenario(
    says="closes TCP inside TLS behind a whole reply, without TLS's own end",
    script=("ehlo", "noop"),
    exit=3,
    tls="implicit",
)
def cut_inside_tls_between_replies(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r\n")
    peer.close(notify=False)


@scenario(
    says="closes TCP behind its 221 without TLS's own end, which does no harm",
    script=("ehlo", "quit"),
    exit=0,
    tls="implicit",
)
def no_close_notify(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.until(b"QUIT")
    peer.send(b"221 2.0.0 bye\r\n")
    peer.close(notify=False)


@scenario(
    says="resets inside TLS where a reply should be",
    script=("ehlo", "noop"),
    exit=3,
    never=(b"NOOP",),
    tls="implicit",
)
def reset_inside_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.until(b"EHLO")
    peer.reset()


@scenario(
    says="writes clear text between the records of TLS",
    script=("ehlo", "noop", "rset"),
    exit={3, 4, 6},
    never=(b"RSET",),
    tls="starttls",
    options=DEMANDED,
)
def clear_text_inside_tls(peer: HostilePeer) -> None:
    _until_starttls(peer)
    peer.send(b"220 2.0.0 go ahead\r\n")
    peer.start_tls()
    peer.until(b"NOOP")
    peer.send_clear(b"250 2.0.0 forged\r\n")
    peer.hold()


@scenario(
    says="sends a TLS record that nobody can decrypt",
    script=("ehlo", "noop"),
    exit={3, 4, 6},
    never=(b"NOOP",),
    tls="implicit",
)
def forged_record(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.until(b"EHLO")
    peer.send_clear(b"\x17\x03\x03\x00\x20" + b"\xaa" * 32)
    peer.hold()


@scenario(
    says="demands a certificate of the client, which shows only after the handshake",
    script=("ehlo",),
    exit={3, 4},
    tls="implicit",
)
def demands_a_client_certificate(peer: HostilePeer) -> None:
    context = fresh_server_context("good")
    context.load_verify_locations(cadata=ca_pem().decode("ascii"))
    context.verify_mode = ssl.CERT_REQUIRED
    peer.start_tls(context=context)
    peer.ordinary()


@scenario(
    says="speaks TLS 1.2 at the most, which will do",
    script=("ehlo", "/tls", "quit"),
    exit=0,
    tls="implicit",
)
def tls_1_2(peer: HostilePeer) -> None:
    context = fresh_server_context("good")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    peer.start_tls(context=context)
    peer.ordinary()


@scenario(
    says="sends 200 session tickets behind the handshake",
    script=("ehlo", "quit"),
    exit=0,
    tls="implicit",
)
def many_session_tickets(peer: HostilePeer) -> None:
    context = fresh_server_context("good")
    context.num_tickets = 200
    peer.start_tls(context=context)
    peer.ordinary()
