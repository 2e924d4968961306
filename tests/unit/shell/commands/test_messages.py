"""A message composed and sent in the shell: what is asked, what is shown, what goes out."""

import sys
from pathlib import Path

import pytest

from smtp_shell.errors import NotSendable, SmtpShellError, UsageError
from tests.unit.shell.fake import Screen, answering, make_shell

WHOLE = "/compose --from ann@example.org --to bob@example.org --subject Hi --body Text"
SMTPUTF8 = {b"EHLO": b"250-mail.example.org\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"}


def test_what_is_missing_is_asked_for_until_it_is_right() -> None:
    ask = answering("Ann <ann@example.org>", "bob", "bob@example.org", "Grüße", "one", "", "..", "two\nthree", ".")
    shell, server, screen = make_shell(ask=ask)
    shell.run("/compose")
    assert "To: 'bob' is no mail address" in screen.words
    assert "means: Grüße  (RFC 2047)" in screen.words
    assert shell.composition is not None
    assert shell.composition.draft.body == "one\n\n..\ntwo\nthree\n"
    assert server.heard == b""


def test_nothing_is_asked_for_that_is_there() -> None:
    shell, _, screen = make_shell(ask=answering())
    shell.run(WHOLE)
    assert "  envelope: from ann@example.org to bob@example.org" in screen.said


def test_an_empty_answer_for_an_address_leaves_the_draft_as_it_was() -> None:
    shell, _, _ = make_shell(ask=answering(""))
    with pytest.raises(UsageError, match="no From; the draft is as it was"):
        shell.run("/compose --to bob@example.org")
    assert shell.composition is None


@pytest.mark.parametrize(
    "line",
    [
        "/compose", "/compose x", "/compose --nonsense x", "/compose --to", "/compose --to bob", "/compose --text /nonexistent",
        "/compose --subject a --subject b", "/compose --body a --text b", "/compose --html /nonexistent", "/compose --var a=b",
        "/compose --template /nonexistent", "/compose --editor", "/compose --to 'x", "/attach /nonexistent", "/attach a b",
        "/attach --remove x", "/attach /", "/header x", "/header a b: c", "/header Content-Type: x", "/header To: bob", "/header",
        "/send", "/send x", "/send --nonsense",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_sentence_and_sends_nothing(line: str) -> None:
    shell, server, _ = make_shell(interactive=False)
    with pytest.raises(UsageError) as caught:
        shell.run(line)
    assert server.heard == b""
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()
    assert shell.composition is None


def test_without_a_prompt_nothing_is_asked_and_what_is_missing_is_named() -> None:
    shell, server, _ = make_shell(interactive=False)
    shell.run("/compose --to bob@example.org")
    with pytest.raises(UsageError, match="the draft has no From; say /compose --from ADDRESS"):
        shell.run("/send")
    shell.run("/compose --from ann@example.org --new")
    with pytest.raises(UsageError, match="the draft has no recipient; say /compose --to ADDRESS"):
        shell.run("/send")
    assert server.heard == b""


def test_a_draft_is_changed_until_it_is_sent_and_then_another_begins() -> None:
    shell, server, screen = make_shell(interactive=False)
    shell.run(WHOLE)
    shell.run("/compose --subject Again --bcc eve@example.org")
    shell.run("/send")
    assert b"Subject: Again\r\n" in server.heard
    assert b"Bcc" not in server.heard
    assert b"RCPT TO:<eve@example.org>" in server.heard
    assert "  eve@example.org  accepted: 250 taken" in screen.said
    shell.run("/compose --from carol@example.org")
    assert shell.composition is not None
    assert not shell.composition.draft.to


def test_a_message_that_is_sent_again_is_another_message() -> None:
    shell, server, _ = make_shell(interactive=False)
    shell.run(WHOLE)
    shell.run("/send")
    shell.run("/send")
    identifiers = {line for line in server.lines if line.startswith(b"Message-ID:")}
    assert len(identifiers) == 2
    assert server.heard.count(b"EHLO") == 1


def test_what_goes_out_is_what_was_shown_and_saved(tmp_path: Path) -> None:
    shell, server, screen = make_shell(interactive=False)
    shell.run(WHOLE)
    screen.said.clear()
    shell.run("/compose")
    shown = [line.removeprefix("  ") for line in screen.said[1:-1]]
    shell.run(f"/compose --save '{tmp_path / 'out.eml'}'")
    shell.run("/send")
    _, _, sent = server.heard.partition(b"DATA\r\n")
    octets = sent.removesuffix(b".\r\n")
    assert octets == (tmp_path / "out.eml").read_bytes()
    assert octets.decode().split("\r\n")[:-1] == shown


def test_an_open_transaction_is_given_up_first() -> None:
    shell, server, _ = make_shell(interactive=False, before=("ehlo", "mail <>"))
    shell.run(WHOLE)
    shell.run("/send")
    assert server.heard.startswith(b"RSET\r\nMAIL FROM:<ann@example.org>")


def test_a_server_without_ehlo_is_greeted_with_helo() -> None:
    shell, server, _ = make_shell({b"EHLO": b"502 what\r\n"}, interactive=False)
    shell.run(WHOLE)
    shell.run("/send")
    assert [line.split()[0] for line in server.lines[:3]] == [b"EHLO", b"HELO", b"MAIL"]


def test_after_helo_nothing_is_announced() -> None:
    shell, server, _ = make_shell({b"EHLO": b"502 what\r\n"}, interactive=False)
    shell.run("/compose --from jörg@example.org --to bob@example.org --body x")
    with pytest.raises(NotSendable, match="needs SMTPUTF8"):
        shell.run("/send")
    assert b"MAIL" not in server.heard


@pytest.mark.parametrize(("option", "keyword"), [("--pipeline", "PIPELINING"), ("--smtputf8", "SMTPUTF8")])
def test_what_the_server_does_not_announce_is_not_done(option: str, keyword: str) -> None:
    shell, server, _ = make_shell(interactive=False, before=("ehlo",))
    shell.run(WHOLE)
    with pytest.raises(UsageError, match=f"{keyword}.*nothing was sent"):
        shell.run(f"/send {option}")
    assert server.heard == b""


def test_an_address_that_needs_smtputf8_is_not_sent_to_a_server_without_it() -> None:
    shell, server, screen = make_shell(interactive=False, before=("ehlo",))
    shell.run("/compose --from ann@example.org --to jörg@example.org")
    assert "the address jörg@example.org needs SMTPUTF8" in screen.words
    with pytest.raises(NotSendable, match=r"the address jörg@example\.org needs SMTPUTF8"):
        shell.run("/send")
    assert server.heard == b""


def test_smtputf8_is_used_where_an_address_needs_it_and_where_it_is_asked_for() -> None:
    shell, server, _ = make_shell(SMTPUTF8, interactive=False, before=("ehlo",))
    shell.run("/compose --from jörg@bücher.example --to bob@example.org --body Grüße")
    shell.run("/send")
    assert "MAIL FROM:<jörg@bücher.example> BODY=8BITMIME SMTPUTF8\r\n".encode() in server.heard
    assert "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode() in server.heard
    server.heard = b""
    shell.run("/compose --from ann@bücher.example --to bob@example.org --subject Grüße --body x")
    shell.run("/send")
    assert b"MAIL FROM:<ann@xn--bcher-kva.example>\r\n" in server.heard
    shell.run("/send --smtputf8")
    assert "Subject: Grüße\r\n".encode() in server.heard


@pytest.mark.parametrize(("typed", "path"), [("<>", b"<>"), ("bounce@example.org", b"<bounce@example.org>")])
def test_the_reverse_path_can_be_another(typed: str, path: bytes) -> None:
    shell, server, _ = make_shell(interactive=False)
    shell.run(WHOLE)
    shell.run(f"/send --mail-from '{typed}'")
    assert b"MAIL FROM:" + path in server.heard


def test_a_message_that_is_too_large_is_said_and_the_server_decides() -> None:
    shell, _, screen = make_shell({b"MAIL": b"552 too large\r\n"}, interactive=False)
    shell.run(f"{WHOLE} --new")
    shell.run(f"/compose --body {'x' * 2000}")
    shell.run("/send")
    assert "and the server takes 1,000 (SIZE, RFC 1870)." in screen.words
    assert "  bob@example.org  refused: 552 too large" in screen.said


def test_attachments_are_listed_and_removed(tmp_path: Path) -> None:
    shell, _, screen = make_shell(interactive=False)
    path = tmp_path / "Übung 1.txt"
    path.write_text("ü", encoding="utf-8")
    shell.run(f"/attach '{path}'")
    shell.run(f"/attach '{path}' --type application/x-test --name b")
    screen.said.clear()
    shell.run("/attach")
    assert screen.said == ["  Übung 1.txt: text/plain; charset=utf-8, 2 octets", "  b: application/x-test, 2 octets"]
    shell.run("/attach --remove 'Übung 1.txt'")
    screen.said.clear()
    shell.run("/attach")
    assert screen.said == ["  b: application/x-test, 2 octets"]


def test_an_attachment_that_is_gone_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 10)
    shell, server, _ = make_shell(interactive=False, before=("ehlo",))
    shell.run(WHOLE)
    shell.run(f"/attach '{path}'")
    path.unlink()
    with pytest.raises(UsageError, match="cannot be attached: No such file or directory; nothing was sent"):
        shell.run("/send")
    assert server.heard == b""


def test_header_fields_are_set_listed_and_taken_out() -> None:
    shell, _, screen = make_shell(interactive=False)
    shell.run(WHOLE)
    shell.run("/header X-Test: bär")
    screen.said.clear()
    shell.run("/header")
    assert "  X-Test: =?utf-8?q?b=C3=A4r?=" in screen.said
    assert "        means: bär  (RFC 2047)" in screen.said
    shell.run("/header X-Test:")
    screen.said.clear()
    shell.run("/header")
    assert "X-Test" not in screen.words


def written(folder: Path, text: str) -> Path:
    path = folder / "template"
    path.write_text(text, encoding="utf-8")
    return path


TEMPLATE = (
    "From: ${who} <ann@example.org>\nTo: bob@example.org,\n carol@example.org\nSubject: ${what}\n\n"
    "Dear \\${you}, ${what} \\n ${count}\n"
)


def test_a_template_has_fields_and_text_with_variables(tmp_path: Path) -> None:
    shell, _, _ = make_shell(interactive=False)
    shell.run(f"/compose --template '{written(tmp_path, TEMPLATE)}' --var who=Änn --var what=news")
    assert shell.composition is not None
    draft = shell.composition.draft
    assert (draft.from_[0].name, len(draft.to), draft.subject) == ("Änn", 2, "news")
    assert draft.body == "Dear ${you}, news \\n 1\n"


def test_a_variable_without_a_value_is_asked_for_at_the_prompt_only(tmp_path: Path) -> None:
    path = written(tmp_path, TEMPLATE)
    shell, _, _ = make_shell(interactive=False)
    with pytest.raises(UsageError, match=r"the variable \$\{who\} has no value"):
        shell.run(f"/compose --template '{path}' --var what=news")
    shell, _, _ = make_shell(ask=answering("Änn"))
    shell.run(f"/compose --template '{path}' --var what=news")
    assert shell.composition is not None
    assert shell.composition.draft.from_[0].name == "Änn"


@pytest.mark.parametrize(
    "text", ["Subject: ${", "Subject: ${a b}", "Content-Type: x\n\ny", "To: bob\n\n", "Subject: ${sasl}\n\n"]
)
def test_a_template_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    shell, _, _ = make_shell(interactive=False)
    with pytest.raises(SmtpShellError) as caught:
        shell.run(f"/compose --template '{written(tmp_path, text)}'")
    assert str(caught.value).isprintable()
    assert shell.composition is None


@pytest.mark.skipif(sys.platform == "win32", reason="the editor is a script of sh")
def test_the_text_is_written_in_an_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\necho more >>"$2"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"'{editor}' -x")
    shell, _, _ = make_shell(ask=answering())
    shell.run(f"{WHOLE} --editor")
    assert shell.composition is not None
    assert shell.composition.draft.body == "Textmore\n"
    for command, problem in (
        ("false", "ended with status 1"),
        ("/nonexistent", "cannot be started"),
        ("'x", "a quote is not closed"),
    ):
        monkeypatch.setenv("VISUAL", command)
        with pytest.raises(UsageError, match=problem):
            shell.run("/compose --editor")


@pytest.mark.skipif(sys.platform == "win32", reason="the editor is a script of sh")
def test_an_editor_gets_no_password_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor, seen = tmp_path / "editor", tmp_path / "seen"
    editor.write_text(f"#!/bin/sh\nenv >'{seen}'; ls -l \"$1\" >>'{seen}'\n")
    editor.chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "hunter2-open-sesame")
    monkeypatch.setenv("VISUAL", "  ")
    monkeypatch.setenv("EDITOR", str(editor))
    shell, _, _ = make_shell(ask=answering())
    shell.run(f"{WHOLE} --editor")
    assert "hunter2" not in seen.read_text()
    assert "-rw-------" in seen.read_text()
    assert not list(place.iterdir())


def test_no_place_for_the_file_of_an_editor_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    shell, _, _ = make_shell(ask=answering())
    with pytest.raises(UsageError, match="no file can be made for the editor: there is no such file; set TMPDIR"):
        shell.run("/compose --editor")


def check_screen(screen: Screen) -> None:
    for line in screen.said:
        assert all(part.isprintable() for part in line.split("\n"))


def test_nothing_hostile_reaches_the_screen(tmp_path: Path) -> None:
    shell, _, screen = make_shell(interactive=False)
    path = tmp_path / "a\x1b[2J\u202e.txt"
    path.write_bytes(b"\x1b[2J")
    shell.run("/compose --from ann@example.org --to bob@example.org --subject '\x1b[2J \u202e' --body '\x1b]0;x\a'")
    shell.run(f"/attach '{path}'")
    shell.run("/compose")
    shell.run("/header")
    check_screen(screen)


def test_lint_speaks_about_the_draft() -> None:
    shell, _, screen = make_shell(interactive=False)
    shell.run("/compose --from ann@example.org --to bob@example.org --body x")
    shell.run("/compose")
    assert "lint: advice no-subject" in screen.words


@pytest.mark.parametrize(("raw", "sent"), [("", b"a\r\n..b\r\n.\r\n"), (" --raw", b"a\n.b\n\r\n.\r\n")])
def test_a_file_goes_out_mended_with_a_remark_or_untouched_with_a_warning(
    tmp_path: Path, raw: str, sent: bytes
) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(b"a\n.b\n")
    shell, server, screen = make_shell(interactive=False, before=("ehlo", "mail <>", "rcpt <a@b>"))
    shell.run(f"data < '{path}'{raw}")
    assert server.heard == b"DATA\r\n" + sent
    assert ("2 lines of the file ended with LF or CR alone" in screen.words) == (not raw)
    assert ("--raw: the file goes out as it is" in screen.words) == bool(raw)


def test_an_untouched_file_can_end_the_message_itself(tmp_path: Path) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(b"Subject: x\r\n\r\n.\r\nNOOP\r\n")
    shell, server, _ = make_shell(interactive=False, before=("ehlo", "mail <>", "rcpt <a@b>"))
    shell.run(f"data < '{path}' --raw")
    assert server.heard.endswith(b"\r\n.\r\nNOOP\r\n")
    assert shell.session is not None
    assert shell.session.dialogue.owed == ()


@pytest.mark.parametrize("interactive", [True, False])
def test_a_transaction_does_not_begin_in_an_exchange(interactive: bool) -> None:
    replies = {b"AUTH": b"334 VXNlcm5hbWU6\r\n"}
    shell, server, _ = make_shell(replies, interactive=interactive, ask=answering("n"))
    for line in ("ehlo", r"/raw AUTH LOGIN\r\n"):
        shell.run(line)
    shell.run("/compose --from ann@example.org --to bob@example.org --subject x --body y")
    sent = server.heard
    for line in ("/send", "/pipeline mail ann@example.org; rcpt bob@example.org"):
        with pytest.raises(UsageError, match="nothing was sent: the server waits for"):
            shell.run(line)
    assert server.heard == sent


def test_a_file_does_not_go_out_in_chunks_in_the_middle_of_a_line(tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_bytes(b"x")
    shell, server, _ = make_shell({b"EHLO": b"250-x\r\n250 CHUNKING\r\n"})
    for line in ("ehlo", "/raw c"):
        shell.run(line)
    for line in (f"bdat < {letter}", "/pipeline noop; rset"):
        with pytest.raises(UsageError, match="a line that was sent as octets has not ended"):
            shell.run(line)
    assert server.heard.endswith(b"c")
