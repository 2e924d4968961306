"""How well an imported dialogue agrees with what is known of it: step by step."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smtp_shell.export.json_lines import write_json
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import open_transcript

Step = Mapping[str, Any]
MASK = "${sasl}"


def imported(path: Path, form: str = "auto") -> list[dict[str, Any]]:
    """Return the JSON lines of a file's dialogue that a client or a server said."""
    out = io.StringIO()
    with open_transcript(path, form=form) as reader:
        write_json(entries(reader), out, "")
    steps = [json.loads(line) for line in out.getvalue().splitlines()]
    return [step for step in steps if step["dir"] in ("C", "S")]


def differences(found: Sequence[Step], expected: Sequence[Step]) -> list[str]:
    """Return what differs between the steps that were found and those that are known, aligned in order."""
    wanted = [step for step in expected if step["dir"] != "meta"]
    wrong = []
    at = 0
    for step in found:
        while at < len(wanted) and wanted[at].get("optional") and not (_is_data(step) and _matches(step, wanted[at])):
            at += 1
        if at >= len(wanted):
            wrong.append(f"too much: {step}")
        elif not _matches(step, wanted[at]):
            wrong.append(f"found {_short(step)}, expected {_short(wanted[at])}")
        at += 1
    wrong += [f"missing: {_short(step)}" for step in wanted[at:] if not step.get("optional")]
    return wrong


def _is_data(step: Step) -> bool:
    return "data" in step


def _short(step: Step) -> str:
    return f"{step['dir']} {step.get('code')} {step.get('phase')} {step.get('text', step.get('data'))!r}"


def _matches(found: Step, expected: Step) -> bool:
    same = found["dir"] == expected["dir"] and found["phase"] == expected["phase"]
    return same and found.get("code") == expected.get("code") and _says(found, expected)


def _says(found: Step, expected: Step) -> bool:
    if expected.get("kind") == "data":
        if "data" not in found:
            return False
        return expected["text"] is None or _plain(found["data"]) in (
            _plain(expected["text"]),
            _plain(re.sub(r"(?m)^\.", "..", expected["text"])),
        )
    text = found.get("text")
    if text is None:
        return False
    readings = [expected["text"] or "", *expected.get("alt", ())]
    if text.endswith(MASK):
        start = text.removesuffix(MASK)
        return expected.get("kind") == "auth" or any(reading.startswith(start) for reading in readings)
    return any(text.rstrip() == reading.rstrip() for reading in readings)


def _plain(data: str) -> str:
    return data.replace("\r\n", "\n").rstrip("\n")


def cases(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the foreign files of a folder, each with what is known of it."""
    for expect in sorted(folder.glob("*.expect.json")):
        yield folder / json.loads(expect.read_text("utf-8"))["file"], expect
