"""What may be around the lines of a foreign file, and around its octets, changes no step."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.imported import cases, differences, imported

HERE = Path(__file__).parent
# One file of each form that marks its lines, and those without marks.
NAMES = (
    "swaks_badauth_exchange",
    "swaks_dots",
    "curl_v_plain",
    "curl_tls",
    "smtplib_level1",
    "smtplib2_auth",
    "msmtp_debug",
    "phpmailer_l2_reject",
    "phpmailer_2_html_login",
    "javamail_debug_plain",
    "nodemailer_login",
    "sendmail_v",
    "netsmtp_auth",
    "ruby_tls",
    "rfc_style_s_c",
)
CASES = {path.stem: (path, expect) for folder in ("corpus", "recorded") for path, expect in cases(HERE / folder)}


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _each(prefix: str) -> Callable[[str], bytes]:
    return lambda text: "".join(f"{prefix}{line}\n" for line in _lines(text)).encode()


def _stamped(form: str) -> Callable[[str], bytes]:
    def wrap(text: str) -> bytes:
        return "".join(form.format(at=number) + line + "\n" for number, line in enumerate(_lines(text))).encode()

    return wrap


PROSE = "# What happened\n\nThe server refused it, see below. MAIL FROM was fine, I think:\n\n"
WRAPPERS: dict[str, Callable[[str], bytes]] = {
    "fenced": lambda text: f"{PROSE}```text\n{text}\n```\n\nDoes that help?\n\nRobin\n".encode(),
    "tildes": lambda text: f"{PROSE}~~~\n{text}\n~~~\n".encode(),
    "quoted": _each("> "),
    "quoted twice": _each(">> "),
    "quoted twice with a space": _each("> > "),
    "quoted in an answer": lambda text: b"Hello,\n\nRobin wrote:\n" + _each("> ")(text) + b"\nPlease look.\n",
    "quoted and fenced": lambda text: _each("> ")(f"Look:\n\n```\n{text}\n```\n"),
    "indented": _each("    "),
    "by a tab": _each("\t"),
    "crlf": lambda text: "\r\n".join(_lines(text)).encode() + b"\r\n",
    "cr": lambda text: "\r".join(_lines(text)).encode() + b"\r",
    "crcrlf": lambda text: "\r\r\n".join(_lines(text)).encode() + b"\r\r\n",
    "mixed": lambda text: "".join(line + ("\r\n", "\n")[n % 2] for n, line in enumerate(_lines(text))).encode(),
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16 little": lambda text: text.encode("utf-16"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "docker": _each("mailer-1  | "),
    "times": _stamped("2026-11-22 10:00:{at:02d} "),
    "iso times": _stamped("2026-11-22T10:00:00.{at:03d}Z "),
    "a clock": _stamped("[10:00:00.{at:03d}] "),
    "syslog": _stamped("Nov 22 10:00:01 host app[12{at}]: "),
    "a logger": _stamped("2026-11-22 10:00:00,{at:03d} - app.mail.sender - DEBUG - "),
    "epoch": _stamped("1795310598.{at:03d} "),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_around_a_dialogue_changes_nothing(name: str, wrapper: str, tmp_path: Path) -> None:
    source, expect = CASES[name]
    path = tmp_path / "log.txt"
    path.write_bytes(WRAPPERS[wrapper](source.read_bytes().decode()))
    assert differences(imported(path), json.loads(expect.read_text("utf-8"))["steps"]) == []


@pytest.mark.parametrize("name", NAMES)
def test_several_sessions_in_one_file(name: str, tmp_path: Path) -> None:
    source, expect = CASES[name]
    path = tmp_path / "log.txt"
    path.write_bytes((source.read_bytes().rstrip() + b"\n\n") * 3)
    assert differences(imported(path), json.loads(expect.read_text("utf-8"))["steps"] * 3) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_off_has_the_steps_before_that(name: str, tmp_path: Path) -> None:
    source, _ = CASES[name]
    path = tmp_path / "log.txt"
    whole = source.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[: len(whole) * 3 // 4]))
    found = [step["dir"] for step in imported(path)]
    assert found
    assert found == [step["dir"] for step in imported(source)][: len(found)]
