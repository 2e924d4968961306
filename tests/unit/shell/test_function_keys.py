"""What F1 explains."""

import pytest

from smtp_shell.shell.function_keys import help_topic
from smtp_shell.shell.registry import Args
from tests.unit.shell.fake import make_shell


@pytest.mark.parametrize(
    ("before", "typed", "topic"),
    [
        ((), "", "keys"),
        (("ehlo",), "mail ann@example.org", "mail"),
        (("ehlo",), "  MAIL FROM:<ann@example.org>", "mail"),
        (("ehlo",), "vrfy", "vrfy"),
        (("ehlo",), "/set theme", "/set"),
        (("ehlo",), "c2VzYW1l", "keys"),
        (("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data"), "/set theme", "data"),
    ],
)
def test_f1_explains_the_command_that_is_typed(before: tuple[str, ...], typed: str, topic: str) -> None:
    shell, server, screen = make_shell(before=before)
    heard = server.heard
    assert help_topic(shell, typed) == topic
    shell.registry["/help"].run(shell, _args(topic))
    assert screen.words
    assert server.heard == heard


def _args(text: str) -> Args:
    return Args("/help", text)
