"""Well-behaved servers: the control group, which shows that the program works at all."""

from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import ENVELOPE, LETTER, MAIL_DATA, scenario


@scenario(says="does all as it should", script=(*ENVELOPE, *MAIL_DATA, "quit"), exit=0)
def behaves(peer: HostilePeer) -> None:
    peer.ordinary()


@scenario(
    says="does all as it should, with STARTTLS in the middle",
    script=("ehlo", "starttls", *ENVELOPE, *MAIL_DATA, "quit"),
    exit=0,
    tls="starttls",
)
def behaves_with_starttls(peer: HostilePeer) -> None:
    peer.capabilities += (b"STARTTLS",)
    peer.ordinary()


@scenario(
    says="does all as it should inside TLS and takes the password",
    script=("ehlo", "auth plain", *ENVELOPE[1:], *MAIL_DATA, "quit"),
    exit=0,
    tls="implicit",
    credentials=True,
)
def behaves_in_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    peer.capabilities += (b"AUTH PLAIN LOGIN",)
    peer.ordinary()


@scenario(
    says="does all as it should, with a long letter",
    script=(*ENVELOPE, f"data < {LETTER}", "quit"),
    exit=0,
    letter=2_000_000,
)
def behaves_with_a_letter(peer: HostilePeer) -> None:
    peer.ordinary()


@scenario(says="ends its lines with LF only, which is taken", script=(*ENVELOPE, "quit"), exit=0)
def only_lf(peer: HostilePeer) -> None:
    peer.send(b"220 hostile.example.org ESMTP\n")
    answers = {
        b"EHLO": b"250-hostile.example.org\n250 SIZE 1000\n",
        b"MAIL": b"250 ok\n",
        b"RCPT": b"250 ok\n",
        b"QUIT": b"221 bye\n",
    }
    peer.ordinary(dict(answers))


@scenario(
    says="answers with a bare code, without a text or a space, which is taken", script=(*ENVELOPE, "quit"), exit=0
)
def bare_codes(peer: HostilePeer) -> None:
    peer.send(b"220\r\n")
    peer.ordinary(
        {b"EHLO": b"250-hostile.example.org\r\n250\r\n", b"MAIL": b"250\r\n", b"RCPT": b"250 \r\n", b"QUIT": b"221\r\n"}
    )


@scenario(
    says="sends each octet of each reply in a segment of its own, but in time", script=("ehlo", "noop", "quit"), exit=0
)
def octet_by_octet_in_time(peer: HostilePeer) -> None:
    peer.send_slowly(b"220 hostile.example.org ESMTP\r\n", 0.01)
    peer.answers[b"NOOP"] = lambda peer, line: peer.send_slowly(b"250 ok\r\n", 0.05)
    peer.answers[b"EHLO"] = lambda peer, line: peer.send_slowly(b"250-hostile.example.org\r\n250 SIZE 1000\r\n", 0.01)
    peer.ordinary()


@scenario(
    says="sends each octet of each reply in a TLS record of its own, but in time",
    script=("ehlo", "noop", "quit"),
    exit=0,
    tls="implicit",
)
def octet_by_octet_in_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    octet_by_octet_in_time(peer)


@scenario(
    says="answers everything with a multi-line reply, 354 and 221 too",
    script=(*ENVELOPE, *MAIL_DATA, "quit"),
    exit=0,
)
def many_lines_everywhere(peer: HostilePeer) -> None:
    peer.send(b"220-one\r\n220-\r\n220 three\r\n")
    peer.ordinary(
        {
            b"MAIL": b"250-one\r\n250-two\r\n250 \r\n",
            b"DATA": b"354-go\r\n354 ahead\r\n",
            b".": b"250-2.0.0 one\r\n250 2.0.0 two\r\n",
            b"QUIT": b"221-good\r\n221 bye\r\n",
        }
    )
