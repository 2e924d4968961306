"""What has to hold for a case that was played. Each check that fails raises AssertionError, whose first line is what failed."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from smtp_shell.cli.convert import written_formats
from smtp_shell.errors import SmtpShellError
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import Step
from tests.fuzz.material import assert_seen
from tests.fuzz.whole import play as playing
from tests.fuzz.whole.play import TIMEOUT, Played, certificate, home_of_case, run_command
from tests.fuzz.whole.read_back import difference, file_entries
from tests.fuzz.whole.serve import replayed, why_it_may_differ
from tests.fuzz.whole.server import PASSWORDS, TOKEN, USER, plain_response

STATUSES = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 130})
MOST_SECONDS = 20.0
"""Of the processor, for one case and all that is done with it."""
MOST_OCTETS = 200 * 1024 * 1024
"""Of memory, that one case may add."""
_SHOWN = (
    ("show",),
    ("show", "--explain"),
    ("show", "--json"),
    ("show", "--diagram"),
    ("show", "--timing"),
    ("show", "--data"),
    ("show", "--packets"),
    ("lint",),
    ("lint", "--json"),
)
_BINARY = frozenset({"pcapng"})


@dataclass(slots=True)
class Tally:
    """What was done.

    Attributes:
        cases: How many cases were played.
        octets: How many octets went over the wire.
        checks: How often each check was made.
        unserved: Why recordings could not be served or replayed, and how often.
        features: What was seen to happen, which says whether a case is a new one.
    """

    cases: int = 0
    octets: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    unserved: Counter[str] = field(default_factory=Counter)
    features: set[str] = field(default_factory=set)


def check(text: str, tally: Tally | None = None, *, thorough: bool = False) -> None:
    """Play a case, and check all that has to hold.

    Args:
        text: The case.
        tally: Counts what is done.
        thorough: Whether everything is done with the recording; otherwise one of each kind, by the case's text.

    Raises:
        AssertionError: Something does not hold.
        Exception: An error that is none of ours came out of the program.
    """
    tally = tally if tally is not None else Tally()
    _forget_peak()
    begun, before = time.process_time(), _memory("VmRSS")
    played = playing.play(text)
    tally.cases += 1
    tally.octets += played.octets
    _Checks(played, tally, text, thorough=thorough).run()
    took, grown = time.process_time() - begun, _memory("VmHWM") - before
    tally.checks["bounds"] += 1
    assert took < MOST_SECONDS, f"bounds: it took {took:.1f} s of the processor"
    assert grown < MOST_OCTETS, f"bounds: memory grew by {grown:,} octets"


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _memory(name: str) -> int:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith(name)), 0)
    except OSError:
        return 0


class _Checks:
    def __init__(self, played: Played, tally: Tally, text: str, *, thorough: bool) -> None:
        self._played, self._tally = played, tally
        self._thorough = thorough
        self._digest = crc32(text.encode("utf-8", "surrogatepass"))
        self._forbidden = _forms_of(PASSWORDS)

    def run(self) -> None:
        played, tally = self._played, self._tally
        self._outcome()
        with home_of_case(keep=True):
            recordings = [each for each in (played.own, *played.sessions) if each.path.is_file()]
            for each in recordings:
                self._no_secret(each.path.read_bytes(), f"the recording {each.path.name}")
                tally.checks["read back"] += 1
                found = difference(each.path, each.log)
                assert not found, f"read back: {each.path.name}: {found}"
            if played.own.path.is_file():
                self._note_features(played.own.path)
                self._shown(played.own.path)
                self._converted(played.own.path)
                self._same(played.own.path)
                self._replayed(played.own.path)

    def _outcome(self) -> None:
        played = self._played
        self._tally.checks["outcome"] += 1
        assert played.status is None or played.status in STATUSES, f"outcome: exit status {played.status}"
        self._printable(played.said, "what was said")
        # 10 s: QUIT, the pauses of the case, and /wait with a number of its own are more, but bounded.
        most = (played.waits + 2) * (3 * TIMEOUT + 110)
        assert played.seconds < most, f"bounds: it waited for {played.seconds:.0f} s, and not {most} s at most"

    def _printable(self, octets: bytes, what: str) -> str:
        self._tally.checks["printable"] += 1
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AssertionError(f"printable: {what}: {error}") from None
        try:
            assert_seen(*text.split("\n"))
        except AssertionError as error:
            raise AssertionError(f"printable: {what}: {error}") from None
        assert "Traceback (most recent" not in text, f"outcome: {what} holds a traceback"
        self._no_secret(octets, what)
        return text

    def _no_secret(self, octets: bytes, what: str) -> None:
        self._tally.checks["no secret"] += 1
        for form in self._forbidden:
            assert form not in octets, f"no secret: {what} holds {form!r}"

    def _command(self, *words: str, statuses: Iterable[int] = (0,)) -> bytes:
        name = " ".join(word for word in words if "/" not in word)
        self._tally.checks[name] += 1
        status, out, errors = run_command(*words)
        self._printable(errors, f"the errors of {name}")
        assert status in statuses, f"{name}: status {status}: {errors.decode()[:300]}"
        return out

    def _some(self, kinds: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        all_kinds = list(kinds)
        return all_kinds if self._thorough else [all_kinds[self._digest % len(all_kinds)]]

    def _shown(self, path: Path) -> None:
        kinds = _SHOWN[:1] if not self._thorough else ()
        for words in (*kinds, *self._some(_SHOWN)):
            out = self._command(*words, str(path), statuses=(0, 1) if words[0] == "lint" else (0,))
            self._printable(out, " ".join(words))

    def _converted(self, path: Path) -> None:
        for (name,) in self._some((each,) for each in written_formats()):
            to = path.with_name(f"converted.{name}")
            # A line that may answer a challenge is masked, as in any file of a stranger's; here all of it is compared.
            keeps = ("--keep-secrets",) if name == "smtp" else ()
            self._command("convert", str(path), str(to), "--force", "--to", name, *keeps)
            octets = to.read_bytes()
            self._no_secret(octets, f"the conversion to {name}")
            if name == "smtp":
                assert _steps(to) == _steps(path), "convert: the transcript that is written is another one"
            if name not in _BINARY:
                self._tally.checks["printable"] += 1
                octets.decode("utf-8")
            to.unlink()

    def _same(self, path: Path) -> None:
        self._printable(self._command("diff", "--match", "exact", str(path), str(path)), "diff")

    def _replayed(self, path: Path) -> None:
        self._tally.checks["replay"] += 1
        try:
            differed = replayed(path, certificate(), USER, PASSWORDS[0])
        except SmtpShellError as error:
            self._tally.unserved[f"refused: {_class_of(str(error))}"] += 1
            assert_seen(*str(error).split("\n"))
            return
        assert_seen(*differed.split("\n"))
        why = why_it_may_differ(self._played.own.log) if differed else ""
        assert not differed or why, f"replay: {differed}"
        self._tally.unserved[f"differed: {why}" if differed else "matched"] += 1

    def _note_features(self, path: Path) -> None:
        before = ""
        for entry in file_entries(path):
            event = entry.event
            kind = type(event).__name__
            for name in ("kind", "end", "code"):
                value = getattr(getattr(event, "reply", event), name, "")
                kind += f" {getattr(value, 'name', value)}"
            self._tally.features |= {kind, f"{before}, {kind}"}
            before = kind
        for line in self._played.said.decode("utf-8", "replace").split("\n"):
            if line.startswith("smtp-shell: "):
                self._tally.features.add(" ".join(word for word in line.split()[3:12] if word.isalpha()))


def _forms_of(passwords: Iterable[str]) -> list[bytes]:
    forms: list[bytes] = []
    for password in passwords:
        octets = password.encode()
        forms += [octets, b64encode(octets).rstrip(b"="), plain_response(password).rstrip(b"=")]
    forms += [TOKEN.encode(), b64encode(f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode())]
    return forms


def _steps(path: Path) -> list[Step]:
    with open_transcript(path) as reader:
        return [Step(step.marker, step.text, step.at) for step in reader]


def _class_of(sentence: str) -> str:
    """Return a sentence without its place and numbers."""
    words = sentence.split("\n")[0].split(": ", 1)[-1].split()
    return " ".join(word for word in words if not any(char.isdigit() for char in word))[:100]
