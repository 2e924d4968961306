"""Lessons, typed at a terminal."""

from pathlib import Path

import pytest

from tests.support.terminal import running

pytestmark = pytest.mark.terminal

WHOLE = (
    "ehlo me.example",
    "mail carol@example.org",
    "rcpt bob@example.org",
    "data",
    "From: me <me@example.org>",
    "Subject: Hello",
    "",
    "In my own words.",
    ".",
    "quit",
)


def test_a_lesson_from_its_name_to_its_end(state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.enter("/lesson plain", "greeted")
        terminal.wait_for("Lesson plain-delivery: One message, delivered in the clear")
        terminal.wait_for("EHLO laptop.example")
        for line in WHOLE:
            terminal.enter(line)
        terminal.wait_for("That was the lesson.")
        assert "your line was sent all the same" not in terminal.text
        terminal.enter("/lesson", "smtp-shell")
        terminal.wait_for("dot-stuffing")


def test_one_wanders_off_and_comes_back(state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.enter("/lesson starttls", "greeted")
        terminal.enter("noop")
        terminal.wait_for("To go on,")
        terminal.enter("helo x")
        terminal.enter("/lesson")
        terminal.enter("ehlo")
        terminal.enter("starttls")
        terminal.wait_for("Step 3 of 16: type")
        terminal.enter("mail ann@example.org", "tls greeted")
        terminal.wait_for("Step 4 of 16: type")
        terminal.enter("/lesson stop")
        terminal.wait_for("The lesson is over; the connection stays.")
