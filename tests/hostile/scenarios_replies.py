"""Malformed replies, surplus replies, and replies with misleading codes."""

from collections.abc import Callable

from tests.support.hostile.peer import HostilePeer, multiline
from tests.support.hostile.scenario import ENVELOPE, scenario
from tests.support.memory import KIB, MIB

BAD_CODES = {
    "199": b"199 too low\r\n",
    "600": b"600 too high\r\n",
    "999": b"999 much too high\r\n",
    "000": b"000 nothing\r\n",
    "two_digits": b"25 ok\r\n",
    "one_digit": b"2 ok\r\n",
    "four_digits": b"2500 ok\r\n",
    "with_a_sign": b"+25 ok\r\n",
    "negative": b"-250 ok\r\n",
    "with_an_underscore": b"2_5 ok\r\n",
    "behind_a_space": b" 250 ok\r\n",
    "behind_a_tab": b"\t250 ok\r\n",
    "hexadecimal": b"0x250 ok\r\n",
    "letters": b"abc ok\r\n",
    "letter_o": b"25O ok\r\n",
    "arabic_digits": "٢٥٠ ok\r\n".encode(),
    "full_width_digits": "２５０ ok\r\n".encode(),
    "joined_to_the_text": b"250ok\r\n",
    "with_a_tab_behind": b"250\tok\r\n",
    "with_a_dot_behind": b"250.ok\r\n",
    "none": b"ok\r\n",
    "empty_line": b"\r\n",
    "nul": b"2\x0050 ok\r\n",
    "cut_by_a_cr": b"2\r50 ok\r\n",
}


def _plays_bad_code(reply: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        peer.ordinary({b"NOOP": reply})

    return play


for _name, _reply in BAD_CODES.items():
    scenario(
        name=f"code_{_name}",
        says=f"answers NOOP with {_reply!r}",
        script=("ehlo", "noop", "rset"),
        exit=6,
        shows=("NOOP",),
        never=(b"RSET",),
    )(_plays_bad_code(_reply))


@scenario(
    says="sends a line with a code outside 200 to 599 before the real reply, as servers do that print debugging",
    script=("ehlo", "noop", "quit"),
    exit={0, 6},
)
def debugging_line_before_the_reply(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"050 now in debug mode\r\n250 ok\r\n"})


@scenario(
    says="changes the code inside a multi-line reply from success to failure",
    script=("ehlo", "mail ann@example.org", "rset"),
    exit=6,
    shows=("250", "550"),
    never=(b"RSET",),
)
def codes_differ(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"250-ok\r\n550 not ok\r\n"})


@scenario(
    says="changes the code inside a multi-line reply from failure to success",
    script=("ehlo", "mail ann@example.org", "rset"),
    exit=6,
    shows=("250", "550"),
    never=(b"RSET",),
)
def codes_differ_to_the_better(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"550-not ok\r\n550-not at all\r\n250 ok\r\n"})


@scenario(
    says="puts a line without a code into a multi-line reply",
    script=("ehlo", "noop", "rset"),
    exit=6,
    never=(b"RSET",),
)
def line_without_a_code(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250-one\r\ntwo\r\n250 three\r\n"})


@scenario(
    says="ends its reply with a line that announces another, and waits",
    script=("ehlo", "noop"),
    exit=3,
    never=(b"NOOP",),
)
def last_line_missing(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250-hostile.example.org\r\n250-SIZE 1000\r\n")
    peer.hold()


@scenario(
    says="closes where the last line of the reply should be",
    script=("ehlo", "noop"),
    exit={3, 6},
    shows=("EHLO",),
    never=(b"NOOP",),
)
def last_line_cut(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250-hostile.example.org\r\n250-SIZE 1000\r\n")


@scenario(
    says="closes in the middle of the last line, behind a code and a space",
    script=("ehlo", "noop"),
    exit={3, 6},
    shows=("EHLO",),
    never=(b"NOOP",),
)
def reply_cut(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.exam")


@scenario(says="closes behind a reply's CR, before its LF", script=("ehlo", "noop"), exit={3, 6}, never=(b"NOOP",))
def reply_cut_before_its_lf(peer: HostilePeer) -> None:
    peer.until(b"EHLO")
    peer.send(b"250 hostile.example.org\r")


@scenario(says="ends its lines with CR only, so that they never end", script=("ehlo", "noop"), exit=3, never=(b"NOOP",))
def only_cr(peer: HostilePeer) -> None:
    peer.ordinary({b"EHLO": b"250-hostile.example.org\r250 SIZE 1000\r"})


@scenario(says="puts a NUL into a reply's text", script=("ehlo", "noop", "quit"), exit={0, 6}, leaks=(b"be\0fore",))
def nul_in_the_text(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250 be\0fore and after\r\n"})


@scenario(says="writes Latin-1", script=("ehlo", "noop", "quit"), exit=0, leaks=(b"Gr\xfc\xdf",))
def latin_1(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": "250 Grüße aus Köln\r\n".encode("latin-1")})


@scenario(
    says="writes UTF-8 that is none: cut, overlong, a surrogate, beyond the last code point",
    script=("ehlo", "noop", "quit"),
    exit=0,
    leaks=(b"\xe2\x82 ", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe"),
)
def invalid_utf_8(peer: HostilePeer) -> None:
    bad = b"\xe2\x82 \xc0\xaf \xed\xa0\x80\xed\xb0\x80 \xf4\x90\x80\x80 \xff\xfe"
    peer.ordinary(
        {
            b"NOOP": b"250 " + bad + b"\r\n",
            b"EHLO": b"250-" + bad + b"\r\n250-" + bad + b" x\r\n250 SIZE " + bad + b"\r\n",
        }
    )


@scenario(says="answers in UTF-8 of many scripts", script=("ehlo", "noop", "quit"), exit=0)
def utf_8(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": "250 好的 да ναι 네 👍\r\n".encode()})


@scenario(
    says="answers MAIL with 250 and a second 250, then refuses the recipient",
    script=ENVELOPE,
    exit={1, 6},
    shows=("unasked|unsolicited|unexpected|not asked|before|without|does not have",),
)
def two_replies_to_mail(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"250 ok\r\n250 forged\r\n", b"RCPT": b"550 5.1.1 no such user\r\n"})


@scenario(says="does the same inside one TLS record", script=ENVELOPE, exit={1, 6}, tls="implicit")
def two_replies_in_one_record(peer: HostilePeer) -> None:
    peer.start_tls()
    two_replies_to_mail(peer)


@scenario(
    says="sends all replies of the session in advance, and refuses in truth",
    script=(*ENVELOPE, "data", "Subject: greetings", "", "One line.", "."),
    exit={1, 3, 6},
)
def all_replies_in_advance(peer: HostilePeer) -> None:
    peer.send(b"220 hi\r\n250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n221 bye\r\n")
    peer.ordinary({b"MAIL": b"550 5.7.1 not you\r\n"})


@scenario(says="sends half of a second reply behind the first, and the other half later", script=ENVELOPE, exit={1, 6})
def half_a_reply_behind(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"250 ok\r\n250 for", b"RCPT": b"ged\r\n550 5.1.1 no such user\r\n"})


@scenario(
    says="announces 20,000 keywords in one reply, of more lines than the limit",
    script=("ehlo",),
    exit=6,
    shows=("10.?000",),
)
def keywords_20000(peer: HostilePeer) -> None:
    peer.capabilities = tuple(b"X-%d" % n for n in range(20_000))
    peer.ordinary()


@scenario(says="announces 9,000 keywords, which is within the limits", script=("ehlo", "/capabilities", "quit"), exit=0)
def keywords_9000(peer: HostilePeer) -> None:
    peer.capabilities = tuple(b"X-%d" % n for n in range(9_000))
    peer.ordinary()


@scenario(says="announces 5,000 mechanisms in one line", script=("ehlo", "quit"), exit=0)
def mechanisms_5000(peer: HostilePeer) -> None:
    peer.capabilities = (b"AUTH " + b" ".join(b"X%d" % n for n in range(5_000)),)
    peer.ordinary()


@scenario(
    says="announces the same keyword again and again, a keyword with no name, and words that are no keywords",
    script=("ehlo", "/capabilities", "mail ann@example.org", "quit"),
    exit=0,
)
def keywords_odd(peer: HostilePeer) -> None:
    peer.capabilities = (
        b"SIZE 1",
        b"size 2",
        b"SIZE",
        b"",
        b" ",
        b"=",
        b"AUTH=LOGIN",
        b"AUTH",
        b"-",
        b"STARTTLS x",
        b"X\tY",
        b"--help",
        b"%s",
    )
    peer.ordinary()


@scenario(
    says="announces sizes and limits of thousands of digits, of none and below zero",
    script=("ehlo", "/capabilities", "mail ann@example.org", "quit"),
    exit=0,
)
def numbers_of_thousands_of_digits(peer: HostilePeer) -> None:
    peer.capabilities = (
        b"SIZE " + b"9" * 5_000,
        b"LIMITS RCPTMAX=" + b"9" * 5_000 + b" MAILMAX=-1 RCPTDOMAINMAX=",
        b"SIZE -1",
        b"SIZE 1_000",
        b"DELIVERBY " + b"8" * 5_000,
    )
    peer.ordinary({b"MAIL": b"250 2." + b"1" * 5_000 + b".0 ok\r\n"})


@scenario(
    says="answers EHLO with more than a mebibyte, in long lines",
    script=("ehlo",),
    exit=6,
    shows=("1 ?MiB|1.?048.?576",),
)
def reply_over_a_mebibyte(peer: HostilePeer) -> None:
    peer.ordinary({b"EHLO": multiline(b"250", *(b"X" * 60_000,) * 20)})


@scenario(says="answers NOOP with a line that never ends", script=("ehlo", "noop"), exit=6, shows=("64|65.?536",))
def endless_line(peer: HostilePeer) -> None:
    peer.until(b"NOOP")
    peer.send(b"250 ")
    peer.send_endlessly(b"x" * KIB)


@scenario(
    says="answers NOOP with a reply that never ends",
    script=("ehlo", "noop"),
    exit=6,
    shows=("10.?000|1 ?MiB|1.?048.?576",),
)
def endless_reply(peer: HostilePeer) -> None:
    peer.until(b"NOOP")
    peer.send_endlessly(b"250-and so on and so forth\r\n")


@scenario(says="answers NOOP with digits that never end", script=("ehlo", "noop"), exit=6)
def endless_digits(peer: HostilePeer) -> None:
    peer.until(b"NOOP")
    peer.send_endlessly(b"2", total=4 * MIB)


@scenario(says="answers MAIL with 354", script=ENVELOPE, exit={1, 6}, shows=("354",), never=(b"RCPT",))
def answers_mail_with_354(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"354 go ahead\r\n"})


@scenario(says="answers EHLO with 220", script=("ehlo", "mail ann@example.org"), exit={1, 6}, shows=("220",))
def answers_ehlo_with_220(peer: HostilePeer) -> None:
    peer.ordinary({b"EHLO": b"220-hostile.example.org\r\n220 SIZE 1000\r\n"})


@scenario(
    says="answers MAIL with 334, as if it had asked for a password",
    script=ENVELOPE,
    exit={1, 6},
    shows=("334",),
    never=(b"RCPT",),
    credentials=True,
)
def answers_mail_with_334(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"334 UGFzc3dvcmQ6\r\n"})


@scenario(
    says="answers MAIL with 235, as if somebody had authenticated",
    script=ENVELOPE,
    exit={1, 6},
    shows=("235",),
)
def answers_mail_with_235(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"235 2.7.0 welcome\r\n"})


@scenario(says="answers EHLO with 334", script=("ehlo", "noop"), exit={1, 6}, shows=("334",), credentials=True)
def answers_ehlo_with_334(peer: HostilePeer) -> None:
    peer.ordinary({b"EHLO": b"334 \r\n"})


@scenario(
    says="answers everything with 500",
    script=("ehlo", "mail ann@example.org"),
    exit=1,
    shows=("500",),
    never=(b"MAIL",),
)
def answers_all_with_500(peer: HostilePeer) -> None:
    peer.ordinary(dict.fromkeys((b"EHLO", b"HELO", b"MAIL", b"QUIT"), b"500 5.5.1 what?\r\n"))


@scenario(
    says="does not take long lines",
    script=("ehlo", "noop " + "x" * 3000, "rset"),
    exit=1,
    shows=("500",),
    never=(b"RSET",),
)
def refuses_long_lines(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"500 5.5.6 line too long\r\n"})


@scenario(
    says="does not take a verb of 2,000 letters",
    script=("ehlo", "x" * 2000, "rset"),
    exit=1,
    shows=("500",),
    never=(b"RSET",),
)
def refuses_long_verbs(peer: HostilePeer) -> None:
    peer.ordinary()


@scenario(says="sends the client elsewhere, with 551 and an address", script=ENVELOPE, exit=1, shows=("551",))
def sends_the_client_elsewhere(peer: HostilePeer) -> None:
    peer.ordinary({b"RCPT": b"551 5.1.6 not here, try <bob@example.net> at smtp://127.0.0.1:25\r\n"})


@scenario(
    says="answers with an enhanced code that says the opposite of the reply code",
    script=ENVELOPE,
    exit=1,
    shows=("550",),
)
def enhanced_code_contradicts(peer: HostilePeer) -> None:
    peer.ordinary({b"MAIL": b"250 5.7.1 ok, or is it?\r\n", b"RCPT": b"550 2.1.5 accepted, or is it?\r\n"})


_SCRIPTS_421 = {
    "ehlo": ("ehlo", "noop"),
    "mail": ENVELOPE,
    "rcpt": (*ENVELOPE, "noop"),
    "data": (*ENVELOPE, "data", "Subject: greetings", "", "One line.", "."),
    "noop": ("ehlo", "noop", "rset"),
    "quit": ("ehlo", "quit"),
}


def _plays_421(verb: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        peer.until(verb)
        peer.send(b"421 4.3.2 shutting down\r\n")

    return play


for _name, _script in _SCRIPTS_421.items():
    scenario(
        name=f"answers_{_name}_with_421",
        says=f"answers {_name.upper()} with 421 and closes",
        script=_script,
        exit=1,
        shows=("421",),
        never=(b"Subject",) if _name == "data" else (),
    )(_plays_421(_name.upper().encode()))
