"""Writers of what the program keeps from one run to the next: history, quiz, the practice server's mail, password and certificate.

Acknowledged is: of the history, a line once the next prompt is there; of the quiz, its answers when the run has ended without a notice; of
the Maildir, a message once its 250 is given, and one that was refused is not there; of password and certificate, what the server says that
it is at its start.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable

from smtp_shell.shell.history import parse_history
from tests.crash.calls import LINES
from tests.crash.processes import Command, Running, words
from tests.crash.room import Case, Room
from tests.crash.rooms import DIALOGUE, dialogue, letter
from tests.crash.writer import Writer, nothing

_OLD_LINES = ("ehlo client.example", "noop")
_RECORDINGS = (r"state/recordings/[^/]+\.smtp",)
_KEPT = tuple(f"state/practice/{name}" for name in ("lock", "password", "token", "ca\\.pem", "server\\.pem"))
_MAIL = (r"work/mail/new/[^/]+", r"work/mail(/new|/cur|/tmp)?", *_KEPT, "state/practice", *_RECORDINGS)


def _history_file(room: Room) -> None:
    room.state.mkdir(mode=0o700)
    path = room.state / "history"
    path.write_text("".join(f"\n# 2026-11-27 10:00:00.000000\n+{line}\n" for line in _OLD_LINES))
    path.chmod(0o600)


def _long_history(room: Room) -> None:
    room.state.mkdir(mode=0o700)
    path = room.state / "history"
    entry = "\n# 2026-11-27 10:00:00.000000\n+noop {:0150d}\n"
    path.write_text("".join(entry.format(number) for number in range(12_000)))
    path.chmod(0o600)


def _type(room: Room) -> Command:
    return Command(call="tests.crash.calls:type_lines")


def _judge_history(case: Case) -> Iterable[str]:
    kept = case.after.get("state/history")
    found = [line.text for line in parse_history(kept.octets)] if kept is not None else []
    known = {*_OLD_LINES, *LINES}
    strange = [line for line in found if line not in known and not re.fullmatch("noop [0-9]{150}", line)]
    if strange:
        yield f"the history has a line that nobody typed: {strange[0]!r}"
    before = (
        [line.text for line in parse_history(case.before["state/history"].octets)]
        if case.before.get("state/history")
        else []
    )
    if before and (not found or before[-1] not in found):
        yield "lines that were there are gone"
    if REASONS_SAID.search(case.outcome.text):
        return
    missing = [line for line in re.findall(r"typed (.+)", case.outcome.out) if line not in found]
    if missing:
        yield f"{missing[0]!r} was typed, and is not in the history"


REASONS_SAID = re.compile("the history is not kept")


def _quiz(room: Room) -> Command:
    return Command("quiz", "dialogue.smtp", "--questions", "3", "--seed", "1", act=_answer, terminal=True)


def _answer(running: Running) -> None:
    running.converse("answer: ", ("a", "b", ""))


def _old_memory(room: Room) -> None:
    dialogue(room)
    room.state.mkdir(mode=0o700)
    path = room.state / "quiz.json"
    path.write_text('{"version":1,"cards":{}}')
    path.chmod(0o600)


def _same_cards(octets: bytes) -> bytes:
    """Return what was answered, without when it is due."""
    cards = json.loads(octets)["cards"]
    return json.dumps({name: card["box"] for name, card in sorted(cards.items())}).encode()


def _judge_quiz(case: Case) -> Iterable[str]:
    name = "state/quiz.json"
    kept = case.after.get(name)
    try:
        found = _same_cards(kept.octets) if kept is not None else b"{}"
    except ValueError:
        yield f"{name} is half a file"
        return
    if found != b"{}" and found != _same_cards(case.clean[name].octets) and case.kind:
        yield f"{name} has other answers"
    said = " ".join(case.outcome.text.split())
    if case.outcome.status == 0 and found == b"{}" and not re.search("are not kept", said):
        yield "the answers are not kept, and nothing says so"
    if name in case.before and kept is None:
        yield f"{name} is gone"


def _practice(room: Room) -> Command:
    return Command("practice", *words(("ehlo client.example", "quit")), env={"SMTP_SHELL_PASSWORD": ""})


def _judge_kept(case: Case) -> Iterable[str]:
    for name in ("password", "token"):
        kept = case.after.get(f"state/practice/{name}")
        if kept is not None and not re.fullmatch(rb"\S+\n", kept.octets):
            yield f"{name} is half a file"
        was = case.before.get(f"state/practice/{name}")
        if was is not None and was != kept:
            yield f"{name} is another one"
    for name in ("ca.pem", "server.pem"):
        kept = case.after.get(f"state/practice/{name}")
        if kept is not None:
            text = kept.octets.decode("ascii")
            try:
                ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERT") : text.index("-----END CERT") + 25])
            except ValueError:
                yield f"{name} is half a file"


def _mail(room: Room) -> Command:
    return Command("practice", "--maildir", "mail", *words(DIALOGUE))


def _mail_with_report(room: Room) -> Command:
    lines = [line.replace("rcpt bob@example.org", "rcpt bob@example.org notify=success") for line in DIALOGUE]
    return Command("practice", "--maildir", "mail", *words(lines))


def _judge_mail(case: Case) -> Iterable[str]:
    new = {name: kept.octets for name, kept in case.after.items() if name.startswith("work/mail/new/")}
    arrived = [octets for name, octets in new.items() if name not in case.before]
    letters = [octets for octets in arrived if b"Subject: Hello" in octets and b"multipart/report" not in octets]
    whole = case.room.work.joinpath("letter.eml").read_bytes()
    if any(not octets.endswith(whole) for octets in letters):
        yield "a message is cut off"
    if len(letters) < case.outcome.out.count("queued as"):
        yield "a message was accepted, and is not there"
    if not case.is_killed and len(letters) > case.outcome.out.count("queued as"):
        yield "a message was refused, and is there"
    if any(b"multipart/report" in octets and not octets.rstrip().endswith(b"--") for octets in arrived):
        yield "a report is cut off"
    for name, was in case.before.items():
        if name.startswith("work/mail/new/") and case.after.get(name) != was:
            yield f"{name} is gone"


def _edit(room: Room) -> Command:
    return Command(call="tests.crash.calls:edit_text", env={"VISUAL": "true"})


WRITERS = (
    Writer(
        "history",
        "A line is in the file when the next prompt is there; where it cannot be, a sentence says that the history is not kept.",
        _type,
        _judge_history,
        _history_file,
        told=(),
        finals=("state/history",),
    ),
    Writer("history-new", "As history, in a new state folder.", _type, _judge_history, nothing, told=()),
    Writer(
        "history-long",
        "As history; a file that is too long is cut at its start.",
        _type,
        _judge_history,
        _long_history,
        told=(),
    ),
    Writer(
        "quiz",
        "The answers are kept when the run has ended, unless a notice says that they are not. The run itself is not undone: status 0.",
        _quiz,
        _judge_quiz,
        dialogue,
        told=(),
        finals=("state/quiz.json", r"state/quiz\.json\.lock"),
    ),
    Writer(
        "quiz-again",
        "As quiz, with answers of an earlier run.",
        _quiz,
        _judge_quiz,
        _old_memory,
        told=(),
        finals=("state/quiz.json", r"state/quiz\.json\.lock"),
    ),
    Writer(
        "practice-kept",
        "Password and token stay the same from the first run on that has shown them, unless it says that they are for this run only.",
        _practice,
        _judge_kept,
        nothing,
        finals=(*_KEPT, "state/practice", *_RECORDINGS),
        told=(1, 2, 3),
    ),
    Writer(
        "maildir",
        "A message is in `new`, whole, when its 250 is given; one that got another reply is not.",
        _mail,
        _judge_mail,
        letter,
        finals=_MAIL,
        told=(1, 2, 3),
    ),
    Writer(
        "maildir-report",
        "As maildir; a report that cannot be stored does not undo the message.",
        _mail_with_report,
        _judge_mail,
        letter,
        finals=_MAIL,
        told=(1, 2, 3),
    ),
    Writer(
        "editor",
        "The text is what it was. A file of a killed editor stays in the folder for temporary files: it is what the user typed.",
        _edit,
        lambda case: (),
        nothing,
        stays=(r"tmp/smtp-shell-[a-z0-9_]+\.txt",),
    ),
)
