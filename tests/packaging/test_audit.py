"""The audit: what uv and pip-audit answer is read aright, and silence is not taken for a clean bill."""

from __future__ import annotations

import json
from email.message import Message
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging import audit
from tests.packaging.__main__ import NOT_HAD, main
from tests.packaging.audit import Advisories, Examined, Pin
from tests.packaging.licences import is_allowed, licence_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import PackageMetadata
    from pathlib import Path

CLEAN = {"dependencies": [{"name": "idna", "version": "3.15", "vulns": []}]}
FLAWED: dict[str, Any] = {
    "dependencies": [
        {
            "name": "aiosmtpd",
            "version": "1.4.4",
            "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2024-27305"], "fix_versions": ["1.4.5"]}],
        }
    ]
}
SKIPPED = {"dependencies": [{"name": "aiosmtpd", "skip_reason": "Dependency not found"}]}


def metadata(*fields: tuple[str, str]) -> PackageMetadata:
    message = Message()
    for name, value in fields:
        message[name] = value
    return message  # type: ignore[return-value]  # it is what importlib.metadata returns a subclass of


def test_pins_and_their_hashes_are_read() -> None:
    one, two = "a" * 64, "b" * 64
    output = f"Some_Name==1.0 \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{two}\nother==2.0rc1\n"
    assert audit.read_pins(output) == (
        Pin("some-name", "1.0", (f"sha256:{one}", f"sha256:{two}")),
        Pin("other", "2.0rc1", ()),
    )
    assert audit.without_hash(audit.read_pins(output)) == ["other==2.0rc1"]


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ([("License-Expression", "Apache-2.0 OR MIT")], "Apache-2.0 OR MIT"),
        ([("License", "MIT")], "MIT"),
        ([("License", "Apache 2.0")], "Apache-2.0"),
        ([("License", "Do what you like"), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        (
            [
                ("Classifier", "License :: OSI Approved :: MIT License"),
                ("Classifier", "License :: OSI Approved :: Apache Software License"),
            ],
            "Apache-2.0 AND MIT",
        ),
        ([("Classifier", "License :: OSI Approved :: GNU General Public License (GPL)")], ""),
        ([], ""),
    ],
)
def test_a_licence_is_read_from_the_metadata(fields: list[tuple[str, str]], expression: str) -> None:
    assert licence_of("some-name", metadata(*fields)) == expression


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("(GPL-2.0-only OR MIT) AND BSD-3-Clause", True),
        ("MIT AND (GPL-2.0-only AND BSD-3-Clause)", False),
        ("MIT OR GPL-2.0-only AND GPL-3.0-only", True),
        ("", False),
    ],
)
def test_a_licence_is_allowed_if_one_way_to_take_it_is(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_a_licence_that_is_not_allowed_is_found_but_for_a_named_tool() -> None:
    found = {"good": "MIT", "bad": "AGPL-3.0-only", "unknown": "", "pyte": "LGPL-3.0-only"}
    refused = ["bad: AGPL-3.0-only", "unknown: no licence in its metadata"]
    assert audit.refused_licences(found, {"pyte"}) == refused
    assert audit.refused_licences(found, set()) == [*refused, "pyte: LGPL-3.0-only"]


def test_a_flaw_is_named_with_the_version_that_mends_it() -> None:
    assert audit.read_advisories(FLAWED) == Advisories(("aiosmtpd 1.4.4: PYSEC-1 CVE-2024-27305, mended in 1.4.5",), "")
    assert audit.read_advisories(CLEAN) == Advisories((), "")
    assert audit.read_advisories(SKIPPED) == Advisories((), "not answered for: aiosmtpd")


def answering(monkeypatch: pytest.MonkeyPatch, control: dict[str, Any] | str, answer: dict[str, Any] | str) -> None:
    def pip_audit(pins: Sequence[str], service: str, folder: Path) -> dict[str, Any] | str:
        return control if pins == [audit.FLAWED] else answer

    monkeypatch.setattr(audit, "_pip_audit", pip_audit)


@pytest.mark.parametrize("control", [CLEAN, SKIPPED, "no route"])
def test_a_service_that_does_not_know_a_known_flaw_is_not_believed(
    control: dict[str, Any] | str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(monkeypatch, control, CLEAN)
    told = audit.advisories(["idna==3.15"], "pypi", tmp_path)
    assert told.known == ()
    assert told.obstacle


def test_a_service_that_knows_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answering(monkeypatch, FLAWED, CLEAN)
    assert audit.advisories(["idna==3.15"], "pypi", tmp_path) == Advisories((), "")


@pytest.mark.parametrize(
    ("control", "found", "status", "words"),
    [
        (FLAWED, (), 0, "0 findings"),
        (FLAWED, ("x was withdrawn",), 1, "found: x was withdrawn"),
        (SKIPPED, (), NOT_HAD, "NOT CHECKED: whether a version has a known flaw"),
        (SKIPPED, ("x was withdrawn",), 1, "could not be had"),
    ],
)
def test_the_status_says_whether_the_advisories_were_had(
    control: dict[str, Any],
    found: tuple[str, ...],
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answering(monkeypatch, control, CLEAN)
    examined = Examined(found, ("idna==3.15",), (Pin("idna", "3.15", ()),), {"idna": "BSD-3-Clause"})
    monkeypatch.setattr(audit, "examine", lambda *_: examined)
    assert main(["audit"]) == status
    assert words in capsys.readouterr().out


def test_a_bill_of_materials_is_the_same_for_the_same_versions() -> None:
    pins = [Pin("b", "2", ("sha256:0",)), Pin("a", "1", ())]
    text = audit.bill_of_materials("smtp-shell", "1.0", pins, {"a": "MIT"})
    assert text == audit.bill_of_materials("smtp-shell", "1.0", pins[::-1], {"a": "MIT"})
    document = json.loads(text)
    assert document["bomFormat"] == "CycloneDX"
    assert [each["purl"] for each in document["components"]] == ["pkg:pypi/a@1", "pkg:pypi/b@2"]
    assert document["components"][0]["licenses"] == [{"expression": "MIT"}]
