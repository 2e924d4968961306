"""Text that attacks the terminal: in the greeting, EHLO keywords, replies, errors, and names in a certificate."""

from collections.abc import Callable

from tests.support.hostile.certificates import HOSTILE_NAME_LEAKS
from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import scenario

ESCAPES: dict[str, tuple[str, bytes]] = {
    "colour": ("a colour that stays", b"\x1b[31;1mRED"),
    "clear_screen": ("clear the screen and go home", b"\x1b[2J\x1b[H"),
    "cursor_up": ("go up and write over what stands there", b"\x1b[3A\x1b[2K250 forged"),
    "alternate_screen": ("the alternate screen", b"\x1b[?1049h"),
    "mouse": ("mouse reports, which type into the shell", b"\x1b[?1003h\x1b[?1006h"),
    "bracketed_paste_end": ("the end of a bracketed paste", b"\x1b[201~"),
    "status_report": ("a status report, which the terminal types in as an answer", b"\x1b[6n\x1b[c\x1b[>0q"),
    "title": ("a window title (OSC 0), ended by BEL", b"\x1b]0;owned\x07"),
    "title_read_back": ("a report of the title, which the terminal types in", b"\x1b]2;rm -rf\x07\x1b[21t"),
    "clipboard": ("the clipboard (OSC 52)", b"\x1b]52;c;ZXZpbA==\x07"),
    "link": ("a link (OSC 8), ended by ST", b"\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\"),
    "palette": ("another palette (OSC 4)", b"\x1b]4;1;rgb:00/00/00\x1b\\"),
    "dcs": ("a device control string", b'\x1bP$q"p\x1b\\'),
    "apc": ("an application program command", b"\x1b_Gf=24;AAAA\x1b\\"),
    "sos_pm": ("a start of string and a privacy message", b"\x1bXtext\x1b\\\x1b^text\x1b\\"),
    "unterminated_osc": ("a title that never ends and swallows what follows", b"\x1b]0;swallow"),
    "reset": ("a full reset of the terminal", b"\x1bc"),
    "character_set": ("the line-drawing character set", b"\x1b(0lqqqk\x0e"),
    "csi_c1_raw": ("a colour by a raw C1 CSI", b"\x9b31mRED"),
    "osc_c1_raw": ("a title by a raw C1 OSC and ST", b"\x9d0;owned\x9c"),
    "csi_c1_utf_8": ("a colour by CSI as UTF-8", "\u009b31mRED".encode()),
    "osc_c1_utf_8": ("a title by OSC as UTF-8", "\u009d0;owned\u009c".encode()),
    "bel": ("bells", b"ding\x07\x07\x07"),
    "backspace": ("backspaces that write over", b"refused\x08\x08\x08\x08\x08\x08\x08accepted"),
    "carriage_return": ("a carriage return that writes over the mark", b"ok\rC: QUIT"),
    "vertical_tab": ("a vertical tab, a new line to some", b"ok\x0bC: QUIT"),
    "form_feed": ("a form feed, a new line to some", b"ok\x0cC: QUIT"),
    "file_separator": ("separators that Python's splitlines splits at", b"ok\x1cC: QUIT\x1dC: QUIT\x1eC: QUIT"),
    "nel": ("the next-line control as UTF-8", "ok\u0085C: QUIT".encode()),
    "nel_raw": ("the next-line control as an octet", b"ok\x85C: QUIT"),
    "line_separator": ("the line and paragraph separators", "ok\u2028C: QUIT\u2029C: QUIT".encode()),
    "nul": ("NUL", b"be\0fore"),
    "delete": ("DEL", b"re\x7ffused"),
    "bidi_override": ("a right-to-left override", "\u202egnp.exe".encode()),
    "bidi_isolate": ("bidirectional isolates", "\u2066\u2067ab\u2069".encode()),
    "bidi_marks": ("bidirectional marks", "a\u200e\u200fb\u061cc".encode()),
    "zero_width": ("zero-width characters and a byte-order mark", "pass\u200bword\u200c\u200d\ufeff\u2060".encode()),
    "soft_hyphen": ("a soft hyphen", "pass\u00adword".encode()),
    "tags": ("tag characters, which spell what nobody sees", "\U000e0041\U000e0042\U000e007f".encode()),
    "variation_selectors": ("variation selectors that carry octets", "a\ufe00\ufe01\U000e0100\U000e0101".encode()),
    "hangul_filler": ("fillers that no terminal shows", "a\u3164b\u115fc\uffa0d".encode()),
    "invisible_spaces": ("spaces that look like the space", "a\u00a0b\u2003c\u3000d".encode()),
    "combining_marks": ("a heap of combining marks", ("a" + "\u0336\u0301" * 100).encode()),
    "interlinear": ("interlinear annotation and the object replacement", "\ufff9a\ufffab\ufffb\ufffc".encode()),
}
"""Name, description, and octets that must not reach the terminal unescaped."""

WORDS: dict[str, tuple[str, bytes, str]] = {
    "rich_markup": ("rich's markup", b"[red]alarm[/red]", r"\[red\]alarm\[/red\]"),
    "rich_markup_closed": ("a closing tag of rich's markup that nothing opened", b"[/nope]", r"\[/nope\]"),
    "rich_markup_link": (
        "a link in rich's markup",
        b"[link=http://evil.example]x[/link]",
        r"\[link=http://evil\.example\]x",
    ),
    "rich_markup_handler": ("a handler in rich's markup", b"[@click=app.quit]x[/]", r"\[@click=app\.quit\]x\[/\]"),
    "rich_emoji": ("an emoji code of rich", b":skull: :warning:", ":skull: :warning:"),
    "html": ("HTML", b"<b>bold</b><ansired>&lt;</nope>&nope;", "<b>bold</b><ansired>&lt;</nope>&nope;"),
    "format_strings": (
        "format strings of several languages",
        b"%s %d {0} {x!r} ${HOME} $(id) `id` %(a)s",
        r"%s %d \{0\} \{x!r\}",
    ),
    "backslashes": ("backslashes that look like escapes of the screen", rb"\x1b[31m \r\n \\", r"\\+x1b\[31m"),
    "prompt": (
        "what looks like the prompt and asks for a password",
        b"smtp-shell> Password: ",
        r"smtp-shell> Password:",
    ),
    "transcript_lines": (
        "what looks like a line of a transcript",
        b"C: RCPT TO:<mallory@example.org>",
        "C: RCPT TO:<mallory@example.org>",
    ),
    "says_verified": (
        "that TLS is verified, in words",
        b"*: tls TLSv1.3 verified CN=bank.example",
        r"verified CN=bank\.example",
    ),
}
"""Name, description, octets, and what the screen must show for them."""


def _plays_text(text: bytes) -> Callable[[HostilePeer], None]:
    def play(peer: HostilePeer) -> None:
        peer.greet(text)
        greets = b"250-hostile.example.org " + text
        keywords = (text, b"X" + text + b" " + text, b"AUTH PLAIN " + text, b"SIZE " + text)
        peer.ordinary(
            {
                b"EHLO": greets + b"".join(b"\r\n250-" + keyword for keyword in keywords) + b"\r\n250 HELP\r\n",
                b"NOOP": b"250 2.0.0 " + text + b"\r\n",
                b"MAIL": b"550-5.1.0 " + text + b"\r\n550 5.1.0 no " + text + b"\r\n",
            }
        )

    return play


_SCRIPT = ("ehlo", "/capabilities", "/status", "noop", "mail ann@example.org", "/hex all", "/watch --count 2 0.1 noop")

for _name, (_what, _octets) in ESCAPES.items():
    scenario(
        name=f"escape_{_name}",
        says=f"sends, in every text: {_what}",
        script=_SCRIPT,
        exit=1,
        shows=("550",),
        leaks=(_octets,),
        rows=("C: QUIT", "accepted"),
        forged=("QUIT",),
    )(_plays_text(_octets))

for _name, (_what, _octets, _shown) in WORDS.items():
    scenario(
        name=f"words_{_name}",
        says=f"writes, in every text: {_what}",
        script=_SCRIPT,
        exit=1,
        shows=("550", _shown),
        rows=("C: RCPT TO:<mallory", "smtp-shell> Password", "*: tls TLSv1.3 verified"),
        forged=("RCPT TO:<mallory@example.org>",),
    )(_plays_text(_octets))


@scenario(
    says="sends what looks like another line of the transcript, behind a bare LF",
    script=("ehlo", "noop", "mail ann@example.org"),
    exit={1, 6},
    rows=("C: RCPT TO:<mallory",),
    forged=("RCPT TO:<mallory@example.org>",),
)
def forged_line_behind_lf(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250 x\nC: RCPT TO:<mallory@example.org>\r\n", b"MAIL": b"550 5.7.1 no\r\n"})


@scenario(
    says="sends what looks like another line of the transcript, as a line of a multi-line reply",
    script=("ehlo", "noop"),
    exit=6,
    rows=("C: RCPT TO:<mallory",),
    forged=("RCPT TO:<mallory@example.org>",),
)
def forged_line_in_a_reply(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250-x\nC: RCPT TO:<mallory@example.org>\n250 y\r\n"})


@scenario(
    says="sends lines so long that they wrap, and that begin their next row with what only the program says",
    script=("ehlo", "noop", "mail ann@example.org"),
    exit=1,
    rows=("C: QUIT", "S: 250 forged", "*: tls", "smtp-shell>"),
    forged=("QUIT",),
)
def forged_row_by_wrapping(peer: HostilePeer) -> None:
    forged = (b"C: QUIT", b"S: 250 forged", b"*: tls TLSv1.3 verified", b"smtp-shell> ")
    lines = tuple(b"x".ljust(width) + words for width in range(60, 84) for words in forged)
    reply = b"".join(b"550-" + line + b"\r\n" for line in lines) + b"550 no\r\n"
    peer.ordinary({b"NOOP": reply.replace(b"550", b"250"), b"MAIL": reply})


@scenario(
    says="sends lines so long that what the program says of them wraps, right before what only the program says",
    script=("ehlo", "/status", "/capabilities", "starttls"),
    exit=4,
    tls="starttls",
    rows=("C: QUIT", "S: 250 forged", "*: tls"),
    forged=("QUIT",),
    ways=("batch", "terminal"),
)
def forged_row_in_the_programs_words(peer: HostilePeer) -> None:
    forged = (b"C: QUIT", b"S: 250 forged", b"*: tls TLSv1.3 verified")
    words = b" ".join(b"x" * width + b" " + text for width in range(40, 76) for text in forged)
    peer.greet(words)
    peer.capabilities = (b"STARTTLS", b"X-LONG " + words)
    peer.ordinary({b"STARTTLS": b"454 4.7.0 " + words + b"\r\n"})


@scenario(
    says="fills a reply with all 256 octets but LF",
    script=_SCRIPT,
    exit=1,
    leaks=(b"\x01\x02", b"\x0e\x0f", b"\x1b\x1c", b"\x7f\x80", b"\x9b\x9c", b"\xfe\xff"),
)
def all_octets(peer: HostilePeer) -> None:
    _plays_text(bytes(octet for octet in range(256) if octet != 0x0A))(peer)


@scenario(
    says="splits an escape sequence over the lines of a reply, so that no line holds a whole one",
    script=("ehlo", "noop", "mail ann@example.org"),
    exit=1,
    leaks=(b"\x1b]0;ow", b"ned\x07", b"[31m\x07"),
)
def escape_over_two_lines(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250-\x1b]0;ow\r\n250 ned\x07\r\n", b"MAIL": b"550-\x1b\r\n550 [31m\x07\r\n"})


@scenario(
    says="splits a character over the lines of a reply and over two replies",
    script=("ehlo", "noop", "mail ann@example.org"),
    exit=1,
    leaks=(b"\xc2\x9b", b"\xe2\x80\xae"),
)
def character_over_two_replies(peer: HostilePeer) -> None:
    peer.ordinary({b"NOOP": b"250-\xe2\x80\r\n250 \xae\xc2\r\n", b"MAIL": b"550 \x9b31m\r\n"})


@scenario(
    says="has the most hostile names in a certificate that is valid",
    script=("ehlo", "starttls", "/tls", "ehlo"),
    exit=0,
    tls="starttls",
    leaks=HOSTILE_NAME_LEAKS,
    rows=("C: QUIT",),
    forged=("QUIT",),
)
def certificate_names(peer: HostilePeer) -> None:
    peer.until(b"STARTTLS")
    peer.send(b"220 go ahead\r\n")
    peer.start_tls("hostile names")
    peer.ordinary()


@scenario(
    says="has the most hostile names in a certificate that is valid for another host",
    script=("ehlo", "starttls", "mail ann@example.org"),
    exit=4,
    tls="starttls",
    never=(b"MAIL",),
    leaks=HOSTILE_NAME_LEAKS,
    rows=("C: QUIT",),
    forged=("QUIT",),
)
def certificate_names_of_another_host(peer: HostilePeer) -> None:
    peer.until(b"STARTTLS")
    peer.send(b"220 go ahead\r\n")
    peer.start_tls("hostile wrong name")
    peer.ordinary()


@scenario(
    says="has the most hostile names in a certificate for another host, which the user takes unchecked",
    script=("ehlo", "/tls", "quit"),
    exit=0,
    tls="implicit",
    options=("--insecure",),
    leaks=HOSTILE_NAME_LEAKS,
)
def certificate_names_unchecked(peer: HostilePeer) -> None:
    peer.start_tls("hostile wrong name")
    peer.ordinary()


@scenario(says="has a certificate of 1,000 names", script=("ehlo", "/tls", "quit"), exit=0, tls="implicit")
def certificate_of_1000_names(peer: HostilePeer) -> None:
    peer.start_tls("many names")
    peer.ordinary()
