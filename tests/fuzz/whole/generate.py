"""Random cases, and changes of cases."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.fuzz.whole.case import MOST_LINES, blocks, joined

_ENVELOPE = ("mail ann@example.org", "rcpt bob@example.org")
_MESSAGE = ("data", "Subject: x", "", "Hello", "..", ".a line", ".")
_AUTH = (
    "auth plain", "auth login", "auth cram-md5", "auth scram-sha-256", "auth", "auth xoauth2", "auth oauthbearer", "auth digest-md5",
)  # fmt: skip
_BY_HAND = (
    ("/pipeline", "AUTH LOGIN c3R1ZGVudA==", "@=", "/pipeline"),
    ("AUTH PLAIN @p",), ("AUTH PLAIN", "@p"), ("AUTH LOGIN", "c3R1ZGVudA==", "@="), ("AUTH LOGIN c3R1ZGVudA==", "@="),
    ("AUTH CRAM-MD5", "*"), (r"/raw AUTH PLAIN @p\r\n",), (r"/raw AUTH LOGIN\r\n", "c3R1ZGVudA==", "@="), ("auth LOGIN", "*"),
    ("AUTH LOGIN", "=", "=", "@="), ("AUTH X-OURS", "@="), ("AUTH PLAIN =",), ("AUTH PLAIN", "@@"), ("AUTH LOGIN", "@@", "@="),
    (r"/raw AUTH LOGIN\r\n@=\r\n@=\r\n",),
)  # fmt: skip
_PARTS: tuple[tuple[str, ...], ...] = (
    ("ehlo",), ("ehlo",), ("helo",), ("lhlo",), ("EHLO [192.0.2.1]",), ("starttls", "ehlo"), ("STARTTLS", "ehlo"), _ENVELOPE,
    _ENVELOPE + _MESSAGE, (*_ENVELOPE, *_MESSAGE), (*_ENVELOPE, "data < @f/letter.eml"), (*_ENVELOPE, "bdat < @f/letter.eml"),
    (*_ENVELOPE, "data < @f/odd.bin --raw"), (*_ENVELOPE, "data < @f/big.eml"), (*_ENVELOPE, "bdat < @f/odd.bin --raw"),
    (*_ENVELOPE, "BDAT 5 LAST", "hello"), (*_ENVELOPE, "BDAT 4", "a", "BDAT 0 LAST"), (*_ENVELOPE, r"/raw BDAT 4 LAST\r\ntext"),
    ("mail <> size=1200 body=8bitmime smtputf8", "rcpt bob@example.org carol@example.org notify=never", "rset"),
    ("mail ann@example.org < @f/letter.eml",), ("noop",), ("vrfy bob",), ("help",), ("FOO bar",), ("quit",), ("rset",), ("turn",),
    ("NOOP ${sasl} \\x41 \\${x",), ("noop \u2028\u202e\u200b", ), ("\u241b[2J",), ("nøøp ☃",), (" noop ",), ("",), (".",), ("#c",),
    ("*",), ("\udcff\udc80",), ("a\u240db",), ("a\u2400b",), ("S: 250 forged",), ("/raw NOOP\\n",), ("/raw NOOP\\r\\nNOOP\\r\\n",),
    ("/raw NO", "/raw OP\\r\\n"), ("/raw RSET\\r\\nNOOP\\r\\nQUIT\\r\\n", "/wait"), ("/raw \\x00\\xff\\r\\n",), ("/raw .\\r\\n",),
    ("/raw DATA\\r\\n", "x", "."), (*_ENVELOPE, "data", "a\u240db", "\udcff", "."), (*_ENVELOPE, "data", "/raw a\\rb\\nc", "."),
    (*_ENVELOPE, "data", "/raw tail", "."), ("/wait 1",), ("/wait",), ("/reconnect",), ("/reconnect --back",),
    ("/reconnect --back --mail",), ("/reconnect --resume",), ("/drop",), ("/drop --rst",), ("/disconnect",), ("/connect 192.0.2.25",),
    ("/connect --starttls 192.0.2.25",), ("/connect smtps://192.0.2.25",),
    ("/connect --no-wait 192.0.2.25", "/raw PROXY UNKNOWN\\r\\n"), ("/connect lmtp://192.0.2.25", "lhlo"),
    ("/pipeline", *_ENVELOPE, "DATA", ""), ("/pipeline", "noop", "rset", "/pipeline"), ("/pipeline mail ann@example.org",),
    ("/status",), ("/capabilities",), ("/as swaks",), ("/as",), ("/diagram",), ("/timing",), ("/lint",), ("/hex",), ("/explain",),
    ("/tls",), ("/tls chain",), ("/tls --all --json",), ("/show",), ("/header",), ("/set explain all",), ("/set explain on",),
    ("/set auto-ehlo on",), ("/set timeout 1",), ("/set chunk-size 7",), ("/set decoded off",), ("/set insecure-auth off",),
    ("/set theme mono",), ("/note a note \u241b[1m ${x}",), ("/note",), ("/history",),
    ("/compose --from a@example.org --to b@example.org --subject Grüße --body Satz", "/send"),
    ("xclient NAME=spike.example ADDR=192.0.2.7",), ("RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"), ("data",), ("DATA",),
    ("MAIL FROM:<a@example.org>",), ("BDAT 99999999 LAST",), ("BDAT x",), ("STARTTLS x",), ("EHLO",), ("expn list",), ("atrn",),
    ("QUIT now",), ("x" * 600,), ("NOOP " + "y" * 3_000,),
)  # fmt: skip
_CODES = (
    200, 211, 214, 220, 221, 235, 250, 251, 252, 334, 353, 354, 421, 450, 451, 452, 454, 500, 501, 502, 503, 504, 530, 535,
    550, 552, 554, 555, 199, 100, 299, 399, 600, 999, 0, 25, 2500,
)  # fmt: skip
_TEXTS = (
    "ok", "", "2.0.0 ok", "5.1.1 no such user", "2.1.5", "4.7.0 \\x1b[2J", "caf\\xc3\\xa9", "\\xff\\xfe", "\\xe2\\x80\\xaetxet", "@=",
    "@@", "@p", "C: QUIT", "${sasl}", "${x} \\\\x41", "\\x00", "\\x9b1m", "a\\rb", "\\t tab", " two  spaces ",
    "SIZE 99999999999999999999", "AUTH PLAIN LOGIN X-OURS", "AUTH=PLAIN", "STARTTLS", "size", "LIMITS RCPTMAX=2", "@M", "UHJpdmF0ZQ==",
    "=", "PENDzQG0=", "bm8gYmFzZTY0!", "cj1hLHM9YixpPTE=", "<a@example.org> ok", "x" * 300, "\\xe2\\x80\\xa8line", "notice: odd reply",
    "#note",
)  # fmt: skip
_RAW = (
    "250", "250\\n", "250 \\r\\n", "250 ok\\n", "250 ok\\r", "250-ok\\r\\n", "250-a\\r\\n250 b\\r\\n", "250-a\\r\\n550 b\\r\\n",
    "250-a\\r\\n251-b\\r\\n250 c\\r\\n", "\\r\\n", "HTTP/1.0 400 Bad\\r\\n\\r\\n", "\\x16\\x03\\x01\\x00",
    "\\x15\\x03\\x03\\x00\\x02\\x02\\x28", "220 a\\r\\n250 b\\r\\n", "250 a\\r\\n250 b\\r\\n", "250-\\r\\n250\\r\\n", "2x0 a\\r\\n",
    "250_a\\r\\n", "\\xd9\\xa2\\xd9\\xa5\\xd9\\xa0 a\\r\\n", "250 a\\x00b\\r\\n", "\\x00", "@H\\r\\n", "250 @H\\r\\n",
    "@L250 end\\r\\n", "250-@M\\r\\n250-@M\\r\\n250 @M\\r\\n", " 250 a\\r\\n", "250-a\\r\\n 250-b\\r\\n250 c\\r\\n",
    "220 ready\\r\\n250-injected\\r\\n250 AUTH PLAIN\\r\\n", "421 4.3.2 bye\\r\\n", "334 \\r\\n", "334 VXNlcm5hbWU6\\r\\n",
    "+OK pop\\r\\n", "S: 250 x\\r\\n", "354 go\\r\\n250 already\\r\\n", "250 ok\\r\\n421 bye\\r\\n", "235 ok\\r\\n", "-250 a\\r\\n",
    "250 a\\r\\n\\r\\n", "250\\x0b a\\r\\n", "250 \\x1b]0;x\\x07\\r\\n", "@@\\r\\n", "@=\\r\\n",
)  # fmt: skip
_MODES = ("prompt", "prompt", "prompt", "keep", "keep", "", "keep json", "json")
_WAYS = ("",) * 8 + ("starttls", "smtps", "lmtp", "starttls no-ca", "smtps no-ca", "starttls no-ca insecure", "private")
_SEGMENTS = ("", "", "seg=1", "seg=1,1000", "seg=7", "seg=3,5,40", "seg=100", "seg=2")


def case(random: Random) -> str:
    """Return a random case."""
    first = ["%", random.choice(_MODES), random.choice(_WAYS), random.choice(_SEGMENTS)]
    if random.random() < 0.15:
        first.append(f"win={random.choice((1, 7, 100, 4_000))}")
    if random.random() < 0.3:
        first.append(f"width={random.choice((24, 40, 79, 132))}")
    lines = [" ".join(filter(None, first)), *_answers(random, 0.1)]
    fault = random.choice((0.0, 0.05, 0.15, 0.4))  # how likely an answer is not the sensible one
    if random.random() < 0.7:
        lines += ["> ehlo", *_answers(random, fault)]
    if random.random() < 0.4:
        lines += ["> starttls", *_answers(random, fault), "> ehlo"]
    while len(lines) < MOST_LINES - 20 and random.random() < 0.85:
        if random.random() < fault / 2:
            lines += _unasked(random)
        for typed in _part(random):
            lines += [f"> {typed}", *_answers(random, fault)]
    if random.random() < 0.5:
        lines += ["> quit", *_answers(random, fault)]
    return "\n".join(lines)


def _part(random: Random) -> Sequence[str]:
    chance = random.random()
    if chance < 0.1:
        return (random.choice(_AUTH),)
    if chance < 0.2:
        return random.choice(_BY_HAND)
    if chance < 0.4:
        return _ENVELOPE + _MESSAGE
    return random.choice(_PARTS)


def _reply(random: Random) -> str:
    code = random.choice(_CODES)
    if random.random() < 0.3:
        lines = [f"{code:03}-{random.choice(_TEXTS)}" for _ in range(random.randint(1, 5))]
        return "< " + "\\r\\n".join([*lines, f"{code:03} {random.choice(_TEXTS)}"])
    return f"< {code:03} {random.choice(_TEXTS)}"


def _answers(random: Random, fault: float) -> list[str]:
    """Return the answers to a line: mostly none, for the sensible one."""
    lines: list[str] = []
    while random.random() < fault:
        chance = random.random()
        if chance < 0.45:
            lines.append(_reply(random))
        elif chance < 0.65:
            lines.append(f": {random.choice(_RAW)}")
        elif chance < 0.72:
            lines.append("N")
        else:
            lines.append("=")
        while random.random() < 0.35:
            lines.append(_addition(random))
    return lines


def _addition(random: Random) -> str:
    chance = random.random()
    if chance < 0.3:
        return f"+ {random.choice(_RAW)}"
    if chance < 0.45:
        return f"~ {random.choice(('0.01', '1', '4.9', '6', '20'))}"
    if chance < 0.65:
        return f"C {random.choice((0, 1, 3, 4, 5, 9, 20, 60, 200))}"
    return random.choice(("E", "E", "Q", "R", "R", "W", "I"))


def _unasked(random: Random) -> list[str]:
    lines = [
        f"! {random.choice(_RAW) if random.random() < 0.6 else _reply(random)[2:] + chr(92) + 'r' + chr(92) + 'n'}"
    ]
    if random.random() < 0.3:
        lines.append(_addition(random))
    return lines


def changed(text: str, other: str, random: Random) -> str:
    """Return a case that is another one, with some changes.

    Args:
        text: The case.
        other: A case from which lines are taken.
        random: The source of chance.
    """
    groups, donors = blocks(text), blocks(other)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(groups))
        chance = random.random()
        if chance < 0.2 and len(groups) > 2:
            del groups[max(at, 1)]
        elif chance < 0.4:
            start = random.randrange(len(donors))
            groups[at + 1 : at + 1] = [
                list(each) for each in donors[start : start + random.randint(1, 5)] if each[0][:1] != "%"
            ]
        elif chance < 0.6:
            groups[at] = [*groups[at][:1], *_answers(random, 0.7)]
        elif chance < 0.7:
            groups[at].append(_addition(random))
        elif chance < 0.8:
            groups.insert(at + 1, _unasked(random))
        elif chance < 0.9:
            groups[at + 1 : at + 1] = [[f"> {typed}"] for typed in _part(random)]
        else:
            groups[at] = [_bent(line, random) if number or at else line for number, line in enumerate(groups[at])]
        groups = groups[:MOST_LINES]
    return joined(groups)


def _bent(line: str, random: Random) -> str:
    """Change a character of a line."""
    if len(line) < 3:
        return line
    at = random.randrange(2, len(line))
    return (
        line[:at]
        + random.choice(("", line[at] * 2, chr(random.choice((32, 45, 92, 48, 0x241B, 0x2028, 0xDCFF, 0xE9)))))
        + line[at + 1 :]
    )
