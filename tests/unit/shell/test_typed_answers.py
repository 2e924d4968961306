"""Lines in a row: what was to answer a challenge does not go out as a command, and is not quoted."""

import base64
from pathlib import Path

import pytest

from smtp_shell.display.render import Presenter
from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.events import Decoded, ReplyReceived, SaslSent
from smtp_shell.shell.scripted_lines import run_file, run_lines
from smtp_shell.shell.typed_answers import LinesInARow
from tests.unit.shell.fake import make_shell

USER = base64.b64encode(b"student").decode()
PASSWORD = base64.b64encode(b"open sesame").decode()
REFUSED = {b"AUTH": b"535 no\r\n"}
ASKED = {
    b"AUTH": b"334 VXNlcm5hbWU6\r\n",
    USER.encode().upper(): b"334 UGFzc3dvcmQ6\r\n",
    PASSWORD.encode().upper(): b"235 ok\r\n",
}


def run(lines: list[str], replies: dict[bytes, bytes]) -> tuple[list[bytes], list[str]]:
    """Run lines in a row, go on after an error, and return what was sent and what was refused."""
    shell, server, _ = make_shell(replies)
    row, errors = LinesInARow(shell), list[str]()
    for line in lines:
        try:
            row.run(line)
        except AuthFailed as error:
            errors.append(str(error))
    return server.lines, errors


@pytest.mark.parametrize(
    "auth", [f"AUTH LOGIN {USER}", r"/raw AUTH LOGIN\r\n", f"  auth login {USER}", f"AUTH PLAIN {USER}"]
)
def test_an_answer_is_not_sent_after_a_refusal(auth: str) -> None:
    sent, errors = run([auth, PASSWORD, "sesame", "NOOP", "FOO"], REFUSED)
    assert [line for line in sent if b"AUTH" not in line.upper()] == [b"NOOP", b"FOO"]
    assert len(errors) == 2
    assert not any(PASSWORD in error or "sesame" in error for error in errors)


def test_answers_are_sent_where_the_server_asks() -> None:
    sent, errors = run([f"AUTH LOGIN {USER}", PASSWORD, "NOOP"], {**ASKED, b"AUTH": b"334 UGFzc3dvcmQ6\r\n"})
    assert sent == [f"AUTH LOGIN {USER}".encode(), PASSWORD.encode(), b"NOOP"]
    assert errors == []


def test_after_the_whole_exchange_base64_is_not_sent_and_words_are() -> None:
    sent, errors = run(["AUTH PLAIN", PASSWORD, "FOO"], {})
    assert sent[1:] == [b"FOO"]
    assert len(errors) == 1


def test_a_word_typed_alone_goes_out_as_typed() -> None:
    shell, server, _ = make_shell(REFUSED)
    for line in (f"AUTH LOGIN {USER}", "FOO"):
        LinesInARow(shell).run(line)
    assert server.lines[-1] == b"FOO"


def test_an_answer_is_not_quoted_by_its_text() -> None:
    shell, _, screen = make_shell(REFUSED, interactive=False)
    lines = [("-c", each) for each in (f"AUTH LOGIN {USER}", PASSWORD, "vrfy x")]
    assert run_lines(shell, lines, keep_going=True) == 1
    assert PASSWORD not in screen.words
    assert "smtp-shell: -c: the AUTH exchange is over" in screen.words


def test_the_answers_in_a_file_are_not_sent_as_commands(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text(f"auth plain\n{PASSWORD}\n")
    shell, server, _ = make_shell()
    with pytest.raises(AuthFailed, match=":2: the AUTH exchange is over"):
        run_file(shell, path)
    assert len(server.lines) == 1


def events_of(*lines: str, replies: dict[bytes, bytes]) -> list[str]:
    """Return what each line showed, and what the server said, in order."""
    shell, _, screen = make_shell(replies)
    screen.entries.clear()
    for line in lines:
        shell.run(line)
    names = {Decoded: "means", ReplyReceived: "reply", SaslSent: "answer"}
    return [names.get(type(entry.event), "command") for entry in screen.entries]


def test_what_a_typed_line_means_stands_under_it_and_before_the_reply() -> None:
    assert events_of(f"AUTH PLAIN {USER}", replies=REFUSED) == ["command", "means", "reply"]
    typed = [r"/raw AUTH LOGIN\r\n", USER, PASSWORD]
    # The last one is who is authenticated; each challenge is followed by what it means as well.
    assert events_of(*typed, replies=ASKED)[-9:-1] == ["means", "answer", "means", "reply"] * 2


@pytest.mark.parametrize(
    ("lines", "challenge"),
    [
        ([r"/raw AUTH LOGIN\r\n", USER, PASSWORD], b"Username:"),
        ([f"AUTH LOGIN {USER}", PASSWORD], b"Password:"),
        (["auth login"], b"Username:"),
    ],
)
def test_the_base64_of_the_user_name_is_shown_and_that_of_the_password_is_not(
    lines: list[str], challenge: bytes
) -> None:
    shell, _, screen = make_shell({**ASKED, b"AUTH": b"334 " + base64.b64encode(challenge) + b"\r\n"})
    for line in lines:
        shell.run(line)
    presenter = Presenter()
    text = "\n".join(row.text for entry in screen.entries for row in presenter.rows(entry))
    assert USER in text
    assert "user name student" in text
    assert PASSWORD not in text
    assert "sesame" not in text


def test_what_answers_a_question_about_the_password_is_never_shown() -> None:
    shell, _, screen = make_shell({**ASKED, b"AUTH": b"334 UGFzc3dvcmQ6\r\n"})
    for line in (r"/raw AUTH LOGIN\r\n", PASSWORD):
        shell.run(line)
    presenter = Presenter()
    text = "\n".join(row.text for entry in screen.entries for row in presenter.rows(entry))
    assert PASSWORD not in text
    assert "sesame" not in text
