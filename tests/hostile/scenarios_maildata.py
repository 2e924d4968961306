"""What a server can do wrong with the mail data and the reply to its final dot."""

from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import ENVELOPE, LETTER, MAIL_DATA, scenario
from tests.support.memory import KIB, MIB

SENT = (*ENVELOPE, *MAIL_DATA)
LONG = (*ENVELOPE, f"data < {LETTER}")
UNKNOWN = ("unknown|may have been|not known|uncertain",)


def _take_mail_data(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.read_mail_data()


@scenario(
    says="closes behind the final dot, before its reply", script=SENT, exit=7, shows=UNKNOWN, once=(b"MAIL FROM",)
)
def closed_behind_the_final_dot(peer: HostilePeer) -> None:
    _take_mail_data(peer)


@scenario(
    says="resets behind the final dot, before its reply", script=SENT, exit=7, shows=UNKNOWN, once=(b"MAIL FROM",)
)
def reset_behind_the_final_dot(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.reset()


@scenario(says="says nothing behind the final dot", script=SENT, exit=7, shows=UNKNOWN, once=(b"MAIL FROM",))
def silent_behind_the_final_dot(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.hold()


@scenario(says="answers the final dot with half a reply, and closes", script=SENT, exit=7, shows=UNKNOWN)
def final_reply_cut(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"250 2.0.0 que")


@scenario(
    says="answers the final dot with a line that announces another, and closes", script=SENT, exit=7, shows=UNKNOWN
)
def final_reply_cut_between_lines(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"250-2.0.0 queued\r\n")


@scenario(says="answers the final dot with octets that drip for ever", script=SENT, exit=7, shows=UNKNOWN)
def final_reply_drips(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send_slowly(b"250-2.0.0 queued, and then some more\r\n", 0.7)
    peer.hold()


@scenario(says="answers the final dot with two codes in one reply", script=SENT, exit={6, 7})
def final_reply_of_two_codes(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"250-2.0.0 queued\r\n550 5.7.1 or not\r\n"})


@scenario(says="answers the final dot with a code of four digits", script=SENT, exit={6, 7})
def final_reply_malformed(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"2500 queued\r\n"})


@scenario(says="answers the final dot with a line that never ends", script=SENT, exit={6, 7})
def final_reply_endless(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"250 ")
    peer.send_endlessly(b"queued ")


@scenario(says="answers the final dot with 451", script=SENT, exit=1, shows=("451",), once=(b"MAIL FROM",))
def final_reply_451(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"451 4.3.0 try again\r\n"})


@scenario(says="answers the final dot with 554", script=SENT, exit=1, shows=("554",), once=(b"MAIL FROM",))
def final_reply_554(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"554 5.6.0 I do not like it\r\n"})


@scenario(says="answers the final dot with 421 and closes", script=SENT, exit=1, shows=("421",), once=(b"MAIL FROM",))
def final_reply_421(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"421 4.3.2 shutting down\r\n")


@scenario(says="answers the final dot with 354", script=SENT, exit={1, 6, 7}, shows=("354",))
def final_reply_354(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"354 go ahead\r\n"})


@scenario(
    says="sends the 250 for the final dot together with the 354, and refuses the message in truth",
    script=SENT,
    exit={1, 6, 7},
)
def final_reply_in_advance(peer: HostilePeer) -> None:
    peer.ordinary({b"DATA": b"354 go ahead\r\n250 2.0.0 queued\r\n", b".": b"554 5.6.0 I do not like it\r\n"})


@scenario(
    says="sends the 250 for the final dot together with the 354, and never answers the dot",
    script=SENT,
    exit={6, 7},
)
def final_reply_in_advance_and_silence(peer: HostilePeer) -> None:
    peer.answers[b"DATA"] = b"354 go ahead\r\n250 2.0.0 queued\r\n"
    peer.ordinary({b".": lambda peer, line: peer.hold()})


@scenario(says="closes behind 354, before it has read mail data", script=LONG, exit=3, letter=4 * MIB)
def closed_behind_354(peer: HostilePeer) -> None:
    peer.read_mail_data_command()


@scenario(says="closes behind 354 while the client has lines to type", script=SENT, exit={3, 7})
def closed_behind_354_at_the_prompt(peer: HostilePeer) -> None:
    peer.read_mail_data_command()


@scenario(says="resets in the middle of the mail data", script=LONG, exit=3, letter=8 * MIB)
def reset_in_mail_data(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.read_exactly(128 * KIB)
    peer.reset()


@scenario(says="resets in the middle of the mail data, inside TLS", script=LONG, exit=3, letter=8 * MIB, tls="implicit")
def reset_in_mail_data_in_tls(peer: HostilePeer) -> None:
    peer.start_tls()
    reset_in_mail_data(peer)


@scenario(
    says="says 421 while the client is sending, and closes",
    script=LONG,
    exit={1, 3},
    letter=8 * MIB,
)
def says_421_in_mail_data(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.read_exactly(128 * KIB)
    peer.send(b"421 4.3.2 shutting down\r\n")


@scenario(
    says="refuses the message while the client is sending it, and reads on",
    script=LONG,
    exit={1, 6, 7},
    letter=8 * MIB,
)
def says_552_in_mail_data(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.read_exactly(128 * KIB)
    peer.send(b"552 5.3.4 too big\r\n")
    peer.hold()


@scenario(
    says="floods the client while it is sending the letter, and reads nothing meanwhile: a deadlock for who only sends",
    script=LONG,
    exit={3, 6},
    letter=16 * MIB,
    seconds=12.0,
)
def floods_in_mail_data(peer: HostilePeer) -> None:
    peer.read_mail_data_command()
    peer.send_endlessly(b"250 queued\r\n", reading=False)
    peer.pause(25.0)


@scenario(
    says="answers DATA with 250 instead of 354, so that mail data would be taken for commands",
    script=SENT,
    exit={1, 6},
    shows=("250",),
    never=(b"Subject", b"One line"),
)
def answers_data_with_250(peer: HostilePeer) -> None:
    peer.ordinary({b"DATA": b"250 2.0.0 queued\r\n"})


@scenario(says="answers DATA with 503", script=SENT, exit=1, shows=("503",), never=(b"Subject", b"One line"))
def answers_data_with_503(peer: HostilePeer) -> None:
    peer.ordinary({b"DATA": b"503 5.5.1 no\r\n"})


@scenario(says="never answers DATA", script=SENT, exit=3, shows=("DATA",), never=(b"Subject", b"One line"))
def never_answers_data(peer: HostilePeer) -> None:
    peer.until(b"DATA")
    peer.hold()


@scenario(
    says="takes the chunks of BDAT and closes before the reply to the last",
    script=(*ENVELOPE, f"bdat < {LETTER}"),
    exit=7,
    shows=UNKNOWN,
    letter=300_000,
    ways=("batch", "terminal"),
)
def closed_behind_the_last_chunk(peer: HostilePeer) -> None:
    peer.capabilities += (b"CHUNKING",)
    line = b""
    while b"LAST" not in line.upper():
        line = peer.until(b"BDAT")
        peer.read_exactly(int(line.split()[1]))
        if b"LAST" not in line.upper():
            peer.send(b"250 2.0.0 chunk taken\r\n")


@scenario(
    says="refuses a chunk of BDAT",
    script=(*ENVELOPE, f"bdat < {LETTER}"),
    exit=1,
    shows=("452",),
    letter=300_000,
    ways=("batch", "terminal"),
)
def refuses_a_chunk(peer: HostilePeer) -> None:
    peer.capabilities += (b"CHUNKING",)

    def refuse(peer: HostilePeer, line: bytes) -> bytes:
        peer.read_exactly(int(line.split()[1]))
        return b"452 4.3.1 full\r\n"

    peer.ordinary({b"BDAT": refuse})


@scenario(
    says="answers the final dot in LMTP for the first recipient, and closes before the second",
    script=("lhlo", "mail ann@example.org", "rcpt bob@example.org carol@example.org", *MAIL_DATA),
    exit=7,
    shows=UNKNOWN,
    scheme="lmtp",
)
def lmtp_reply_missing(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"250 2.0.0 for bob\r\n")


@scenario(
    says="answers the final dot in LMTP for the first recipient, and is silent about the second",
    script=("lhlo", "mail ann@example.org", "rcpt bob@example.org carol@example.org", *MAIL_DATA),
    exit=7,
    shows=UNKNOWN,
    scheme="lmtp",
)
def lmtp_reply_never(peer: HostilePeer) -> None:
    _take_mail_data(peer)
    peer.send(b"250 2.0.0 for bob\r\n")
    peer.hold()


@scenario(
    says="refuses the message in LMTP for the second recipient only",
    script=("lhlo", "mail ann@example.org", "rcpt bob@example.org carol@example.org", *MAIL_DATA),
    exit=1,
    shows=("550",),
    scheme="lmtp",
)
def lmtp_second_refused(peer: HostilePeer) -> None:
    peer.ordinary({b".": b"250 2.0.0 for bob\r\n550 5.2.2 not for carol\r\n"})


@scenario(
    says="answers the final dot in LMTP three times for two recipients, the third a forged reply to what comes next, which is refused",
    script=(
        "lhlo",
        "mail ann@example.org",
        "rcpt bob@example.org carol@example.org",
        *MAIL_DATA,
        "mail ann@example.org",
    ),
    exit={1, 6},
    scheme="lmtp",
)
def lmtp_reply_too_many(peer: HostilePeer) -> None:
    mails = iter((b"250 2.1.0 ok\r\n",))
    peer.ordinary(
        {
            b".": b"250 one\r\n250 two\r\n250 three\r\n",
            b"MAIL": lambda peer, line: next(mails, b"550 5.7.1 no more\r\n"),
        }
    )
