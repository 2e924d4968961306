"""What holds for every writer, whatever was made to happen at whatever call."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from tests.crash.room import PASSWORD, Case
from tests.crash.writer import REASONS, Writer

_SECRETS = (
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()),
    base64.b64encode(b"\0student\0" + PASSWORD.encode()),
)
_DRAFT = re.compile(r"\.smtp-shell-[0-9a-f]{16}\.draft$|/smtp-shell-\w+-\w{8}\.run(/|$)")
"""What the next run is to remove."""

OF_PYTHON = re.compile(r"tmp/[a-z0-9_]{8}")
"""With which Python tries whether a folder is one for temporary files: five octets of no meaning, which a kill leaves."""


def problems(writer: Writer, case: Case) -> Iterator[str]:
    """Yield what is wrong with a run."""
    yield from _ending(writer, case)
    yield from _leftovers(writer, case)
    yield from _modes(writer, case)
    yield from writer.judge(case)


def _ending(writer: Writer, case: Case) -> Iterator[str]:
    outcome = case.outcome
    if outcome.late:
        yield "it did not end by itself"
    if "Traceback" in outcome.text or "Exception ignored" in outcome.text:
        yield "there is a traceback"
    if case.is_killed:
        return
    if outcome.status < 0:
        yield f"it ended by signal {-outcome.status}"
        return
    if not case.kind:
        if outcome.status != writer.status:
            yield f"the exit status is {outcome.status}, not {writer.status}: {outcome.text.strip()[-300:]}"
        return
    if outcome.status not in (writer.status, *writer.told):
        yield f"the exit status is {outcome.status}"
    reasons = [line for line in outcome.text.splitlines() if (REASONS.get(case.kind) or "-") in line.lower()]
    # SMTP's own words for a server without room, and ours for a place without any.
    is_refused = "452 4.3.1" in outcome.out or "temporary files can be written to" in outcome.text
    if outcome.status != writer.status and not reasons and not is_refused:
        yield "it failed, and no sentence says why"
    if len(set(reasons)) != len(reasons):
        yield "it says the same sentence twice"


def _leftovers(writer: Writer, case: Case) -> Iterator[str]:
    for name, kept in case.after.items():
        if name in case.before or writer.is_final(name) or (name in case.clean and not writer.may_stay(name)):
            continue
        if OF_PYTHON.fullmatch(name):
            continue
        found = [secret for secret in _SECRETS if secret in kept.octets]
        if found:
            yield f"the leftover {name} holds the password"
        # What cannot be removed is left, for the next one to remove.
        if not case.is_killed and not writer.may_stay(name) and not case.call.startswith(("unlink", "rmdir")):
            yield f"{name} is left"


def _modes(writer: Writer, case: Case) -> Iterator[str]:
    for name, kept in case.after.items():
        was = case.before.get(name)
        # A draft has the mode of the file that it is to replace, as soon as it has its octets.
        if was is None and kept.mode & 0o077 and not any(kept.mode == old.mode for old in case.before.values()):
            yield f"{name} has mode {kept.mode:o}"
        if was is not None and kept.octets == was.octets and kept.mode != was.mode and kept.mode & ~was.mode:
            yield f"{name} had mode {was.mode:o} and has {kept.mode:o}"
    for name in case.before:
        if name not in case.after and not _DRAFT.search(name):
            yield f"{name} was there, and is gone"
