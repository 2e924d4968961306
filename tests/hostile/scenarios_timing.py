"""Servers that are slow, or that send at the wrong moment."""

from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import ENVELOPE, LETTER, scenario
from tests.support.memory import KIB, MIB


@scenario(
    says="answers MAIL after the client's patience, so that the late reply could pass for the next one",
    script=ENVELOPE,
    exit=3,
    shows=("MAIL",),
    never=(b"RCPT",),
)
def late_reply(peer: HostilePeer) -> None:
    peer.until(b"MAIL")
    peer.pause(6.0)
    peer.send(b"250 2.1.0 ok\r\n")
    peer.ordinary({b"RCPT": b"550 5.1.1 no such user\r\n"})


@scenario(says="never answers EHLO", script=("ehlo", "noop"), exit=3, shows=("EHLO",), never=(b"NOOP",))
def never_answers_ehlo(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.hold()


@scenario(says="never answers NOOP", script=("ehlo", "noop", "rset"), exit=3, shows=("NOOP",), never=(b"RSET",))
def never_answers_noop(peer: HostilePeer) -> None:
    peer.until(b"NOOP")
    peer.hold()


@scenario(says="answers EHLO with an octet every half second", script=("ehlo", "noop"), exit=3, never=(b"NOOP",))
def drips_octets(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send_slowly(b"250-hostile.example.org\r\n250 SIZE 1000\r\n", 0.5)
    peer.hold()


@scenario(
    says="answers EHLO with a line every second, always another", script=("ehlo", "noop"), exit=3, never=(b"NOOP",)
)
def drips_lines(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send_slowly(b"250-X-MORE\r\n" * 25, 1.0, size=12)


@scenario(
    says="answers inside TLS with an octet, in a record of its own, every half second",
    script=("ehlo", "noop"),
    exit=3,
    never=(b"NOOP",),
    tls="implicit",
)
def drips_in_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    drips_octets(peer)


@scenario(
    says="does its side of the handshake with an octet every tenth of a second",
    script=("ehlo",),
    exit={3, 4},
    never=(b"EHLO",),
    tls="implicit",
)
def drips_in_the_handshake(peer: HostilePeer) -> None:
    peer.start_tls(pause=0.1)
    peer.ordinary()


@scenario(
    says="does its side of the handshake behind STARTTLS with an octet every tenth of a second",
    script=("ehlo", "starttls", "ehlo", "mail ann@example.org"),
    exit={3, 4},
    never=(b"MAIL",),
    tls="starttls",
)
def drips_in_the_handshake_behind_starttls(peer: HostilePeer) -> None:
    peer.until(b"STARTTLS")
    peer.send(b"220 go ahead\r\n")
    drips_in_the_handshake(peer)


@scenario(
    says="sends an empty line every second instead of a reply",
    script=("ehlo", "noop"),
    exit=6,
    never=(b"NOOP",),
)
def empty_lines_for_a_reply(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send_slowly(b"\r\n" * 20, 1.0, size=2)


@scenario(
    says="answers two commands of a pipelined group of three",
    script=(r"/raw MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nNOOP\r\n",),
    steps=(
        "S: 220",
        "C& MAIL FROM:<ann@example.org>",
        "C& RCPT TO:<bob@example.org>",
        "C: NOOP",
        "S: 250",
        "S: 250",
        "S: 250",
    ),
    exit=3,
    shows=("NOOP",),
    ways=("replay",),
)
def pipelined_reply_missing(peer: HostilePeer) -> None:
    peer.until(b"NOOP")
    peer.hold()


@scenario(
    says="answers a pipelined group of three and closes before its last reply",
    script=(r"/raw MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nNOOP\r\n",),
    steps=(
        "S: 220",
        "C& MAIL FROM:<ann@example.org>",
        "C& RCPT TO:<bob@example.org>",
        "C: NOOP",
        "S: 250",
        "S: 250",
        "S: 250",
    ),
    exit=3,
    shows=("NOOP",),
    ways=("replay",),
)
def pipelined_reply_cut(peer: HostilePeer) -> None:
    peer.until(b"NOOP")


@scenario(
    says="answers a pipelined group of three with four replies, of which the third refuses",
    script=(r"/raw MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nNOOP\r\n",),
    steps=(
        "S: 220",
        "C& MAIL FROM:<ann@example.org>",
        "C& RCPT TO:<bob@example.org>",
        "C: NOOP",
        "S: 250",
        "S: 250",
        "S: 250",
    ),
    exit={1, 6},
    ways=("replay",),
)
def pipelined_reply_too_many(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"550 no\r\n250 forged\r\n"})


@scenario(
    says="stops reading in the middle of the letter, so that the client cannot send on",
    script=(*ENVELOPE, f"data < {LETTER}"),
    exit=3,
    shows=("send|sent|stall|writ",),
    letter=16 * MIB,
    seconds=12.0,
)
def stops_reading(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.pause(25.0)


@scenario(
    says="stops reading in the middle of the letter, inside TLS",
    script=(*ENVELOPE, f"data < {LETTER}"),
    exit=3,
    letter=16 * MIB,
    seconds=12.0,
    tls="implicit",
)
def stops_reading_in_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    stops_reading(peer)


@scenario(
    says="reads the letter in sips for some seconds, so that each send makes some progress, and closes",
    script=(*ENVELOPE, f"data < {LETTER}"),
    exit=3,
    letter=16 * MIB,
    seconds=18.0,
)
def reads_in_sips(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    for _ in range(8):
        peer.read_exactly(64 * KIB)
        peer.pause(1.0)


@scenario(
    says="answers MAIL with its first octet and then nothing",
    script=ENVELOPE,
    exit=3,
    never=(b"RCPT",),
)
def one_octet_and_silence(peer: HostilePeer) -> None:
    peer.until(b"MAIL")
    peer.send(b"2")
    peer.hold()
