"""What is suggested while a line is typed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from smtp_shell.configuration import load
from smtp_shell.errors import UsageError
from smtp_shell.knowledge.lookup import CLASSES, Kind, facts
from smtp_shell.knowledge.tables import titles
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.parameters import PARAMETERS
from smtp_shell.shell.completion import MATCH_LEVELS, Suggestion, options_of, suggest
from smtp_shell.shell.registry import Args, ShellCommand
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell


def words(shell: Shell, text: str) -> list[str]:
    return [found.text for found in suggest(shell.completion_context(), text)]


def ready() -> Shell:
    shell, _, _ = make_shell(before=("ehlo",))
    return shell


def test_first_words_are_verbs_with_what_they_do() -> None:
    shell = ready()
    assert list(suggest(shell.completion_context(), "st")) == [
        Suggestion("starttls", 2, shell.registry.find("starttls").summary)
    ]
    assert "RFC 5321" in next(iter(suggest(shell.completion_context(), "rs"))).description


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("/sta", ["/status"]),
        ("/re", ["/reconnect", "/record", "/replay"]),
        ("m", ["mail"]),
        ("MA", ["mail"]),
        ("e", ["ehlo", "expn", "etrn"]),
    ],
)
def test_a_beginning_is_completed(typed: str, first: list[str]) -> None:
    assert words(ready(), typed) == first


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("/set editor", ["mail-editor"]),
        ("/set edit", ["editing"]),  # one begins so
        ("/play", ["/replay"]),
        ("tls", ["starttls"]),
        ("rcpt example.net", ["eve@example.net"]),
        ("rcpt e", ["eve@example.net"]),  # one letter is in too many
        ("rcpt q", []),
    ],
)
def test_where_nothing_begins_as_typed_what_has_it_further_on_is_suggested(typed: str, found: list[str]) -> None:
    shell = ready()
    shell.history = lambda: ["mail ann@example.org", "rcpt eve@example.net"]
    assert [word for word in words(shell, typed) if "=" not in word] == found


def test_what_is_in_order_comes_first() -> None:
    lines = ("ehlo", "mail <>", "rcpt bob@example.org")
    firsts = [words(make_shell(before=lines[:number])[0], "")[0] for number in range(4)]
    assert firsts == ["ehlo", "mail", "rcpt", "rcpt"]
    assert words(make_shell(before=lines)[0], "")[1:3] == ["data", "bdat"]
    assert len(set(words(ready(), ""))) == len(words(ready(), ""))


def test_shell_commands_are_suggested_after_a_slash_only() -> None:
    assert not any(word.startswith("/") for word in words(ready(), ""))
    assert all(word.startswith("/") for word in words(ready(), "/"))


def test_every_suggestion_for_a_first_word_has_a_description() -> None:
    for typed in ("", "/"):
        for found in suggest(ready().completion_context(), typed):
            assert found.description
            assert found.description.isprintable()


def test_parameters_are_those_that_the_server_announced() -> None:
    assert words(ready(), "mail ann@example.org ") == ["SIZE=", "RET=HDRS", "RET=FULL", "ENVID=", "AUTH=<>"]
    shell, _, _ = make_shell(before=("ehlo", "mail <>"))
    assert words(shell, "rcpt bob@example.org notify=n") == ["NOTIFY=NEVER"]
    assert words(shell, "rcpt bob@example.org o") == ["ORCPT=rfc822;"]
    shell, _, _ = make_shell()
    assert words(shell, "mail ann@example.org ") == []


def test_a_parameter_that_is_there_already_is_not_suggested_again() -> None:
    assert words(ready(), "mail ann@example.org SIZE=12 ret=hdrs ") == ["ENVID=", "AUTH=<>"]
    assert words(ready(), "mail ann@example.org SIZE=12") == []


def test_every_parameter_that_can_be_announced_is_suggested() -> None:
    keywords = {row.extension: "x" for row in PARAMETERS.values()} | {"BINARYMIME": "", "CHUNKING": ""}
    lines = [
        b"250-mail.example.org\r\n",
        *(f"250-{keyword} {words}\r\n".encode() for keyword, words in keywords.items()),
    ]
    shell, _, _ = make_shell({b"EHLO": b"".join(lines) + b"250 HELP\r\n"}, before=("ehlo",))
    found = {word.partition("=")[0] for verb in ("mail", "rcpt") for word in words(shell, f"{verb} ann@example.org ")}
    assert found == set(PARAMETERS)
    assert "BODY=BINARYMIME" in words(shell, "mail ann@example.org body=")


def test_attributes_of_xclient_are_those_that_the_server_announced() -> None:
    ehlo = b"250-mail.example.org\r\n250-XCLIENT NAME ADDR x\x1b[2J\r\n250 XFORWARD IDENT\r\n"
    shell, _, _ = make_shell({b"EHLO": ehlo}, before=("ehlo",))
    assert words(shell, "xclient ") == ["NAME=", "ADDR=", r"X\x1b[2J="]
    assert words(shell, "xclient name=a.example.org n") == []
    assert words(shell, "xforward ") == ["IDENT="]
    assert words(ready(), "xclient ") == []


def test_a_file_is_suggested_after_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter.eml").touch()
    monkeypatch.chdir(tmp_path)
    assert words(ready(), "mail ann@example.org < let") == ["letter.eml"]
    assert words(ready(), "mail ann@example.org <let") == ["<letter.eml"]


def test_verbs_that_go_out_as_typed_have_completion_too() -> None:
    shell = ready()
    shell.history = lambda: ("mail ann@example.org",)
    assert words(shell, "vrfy a") == ["ann@example.org"]
    assert words(shell, "help ma") == ["MAIL"]


def test_addresses_typed_before_come_back_the_latest_first() -> None:
    shell = ready()
    typed = ("mail ann@example.org", "rcpt bob@example.org", "rcpt ann@example.org")
    shell.history = lambda: typed
    assert words(shell, "rcpt ") == ["ann@example.org", "bob@example.org"]
    assert words(shell, "rcpt b") == ["bob@example.org"]
    assert words(shell, "rcpt bob@example.org") == []


def test_addresses_of_a_history_that_grows_and_of_another_one() -> None:
    shell = ready()
    assert words(shell, "rcpt ") == []
    lines: list[str] = []
    shell.history = lambda: lines
    for typed, found in (
        (["rcpt bob@example.org"], ["bob@example.org"]),
        (["rcpt bob@example.org", "mail ANN@example.org"], ["ANN@example.org", "bob@example.org"]),
        (
            ["rcpt bob@example.org", "mail ANN@example.org", "rcpt bob@example.org"],
            ["bob@example.org", "ANN@example.org"],
        ),
        (["noop", "rcpt carol@example.org", "quit", "noop"], ["carol@example.org"]),
        (["rcpt dave@example.org"], ["dave@example.org"]),
    ):
        lines[:] = typed
        assert words(shell, "rcpt ") == found
        assert words(shell, f"rcpt {found[-1][:3].upper()}") == [found[-1]]


def test_ten_thousand_addresses_are_read_once() -> None:
    class History(list[str]):
        read = 0

        def __getitem__(self, index: Any) -> Any:
            found = super().__getitem__(index)
            self.read += len(found) if isinstance(index, slice) else 1
            return found

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("all of it is read")

    shell = ready()
    history = History(f"rcpt user{number}@example.org" for number in range(10_000))
    shell.history = lambda: history
    assert words(shell, "rcpt z") == []
    assert history.read == 10_000
    for typed in ("rcpt zo", "rcpt u", "rcpt user9999"):
        words(shell, typed)
    assert history.read < 10_100
    history.append("rcpt zoe@example.org")
    assert words(shell, "rcpt z") == ["zoe@example.org"]
    assert history.read < 10_100


def test_mechanisms_that_the_server_announced_come_first() -> None:
    found = list(suggest(ready().completion_context(), "auth "))
    assert [each.text for each in found[:2]] == ["plain", "login"]
    assert found[0].description == "announced: User name and password in one line"
    known = [each.description.partition(":")[0] for each in found if not each.text.startswith("--")]
    assert known == ["announced"] * 2 + ["not announced"] * (len(known) - 2)
    options = ["--initial-response", "--no-initial-response", "--authzid", "--channel-binding"]
    assert words(ready(), "auth plain ") == options
    assert words(ready(), "auth plain --initial-response ") == options[2:]
    assert words(ready(), "auth --channel-binding tls-u") == words(ready(), "auth --channel-binding=tls-u")
    assert words(ready(), "auth plain --no") == ["--no-initial-response"]
    assert words(ready(), "auth --authzid ann --a") == []


def test_settings_and_names_of_entries() -> None:
    assert "timeout" in words(ready(), "/set t")
    assert words(ready(), "/set times ") == ["on", "off"]
    assert words(ready(), "/set editing ") == ["emacs", "vi"]
    assert words(ready(), "/set timeout ") == []
    assert words(ready(), "/set --") == ["--save", "--origin"]
    assert words(ready(), "/set --origin times ")[-1] == "--json"
    assert words(ready(), "/set --save times ") == ["on", "off"]
    assert words(ready(), "/alias --d") == ["--delete"]
    assert words(ready(), "/help /sta") == ["/status"]


def test_files_are_suggested_but_no_hidden_ones_and_no_strange_names(tmp_path: Path) -> None:
    for name in ("letter.eml", ".hidden", "es\x1bcape", "bi\u202edi"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert words(ready(), f"/show {tmp_path}/") == [f"{tmp_path}/folder/", f"{tmp_path}/letter.eml"]
    assert words(ready(), f"/show {tmp_path}/le") == [f"{tmp_path}/letter.eml"]
    assert words(ready(), f"data <{tmp_path}/le") == [f"<{tmp_path}/letter.eml"]
    assert words(ready(), f"/show {tmp_path}/nowhere/") == []


@pytest.mark.parametrize(
    "before", [("mail <>", "rcpt <a>", "data"), (r"/raw AUTH PLAIN\r\n", "/wait 0")], ids=["mail data", "334"]
)
def test_nothing_is_suggested_inside_mail_data_and_after_a_334(before: tuple[str, ...]) -> None:
    shell, _, _ = make_shell({b"AUTH": b"334 \r\n"}, before=("ehlo", *before))
    assert words(shell, "") == []
    assert words(shell, "mail ") == []


def test_nothing_that_the_server_says_gets_into_a_menu() -> None:
    shell, _, _ = make_shell(
        {b"EHLO": b"250-x\r\n250-\x1b[2J\r\n250-EVIL\xe2\x80\xae\r\n250 AUTH \x9b PLAIN EVIL\r\n"}, before=("ehlo",)
    )
    for typed in ("", "/", "e", "auth ", "mail a@b ", "rcpt a@b "):
        for found in suggest(shell.completion_context(), typed):
            assert "EVIL" not in found.text
            assert found.text.isprintable()


@pytest.mark.parametrize(
    ("text", "word"),
    [("/compose --su", "--subject"), ("/send --p", "--pipeline"), ("/compose --to ann@example.org --ed", "--editor")],
)
def test_the_options_of_a_message_are_suggested(text: str, word: str) -> None:
    shell, _, _ = make_shell()
    assert [each.text for each in suggest(shell.completion_context(), text)] == [word]


def test_files_and_addresses_are_suggested_for_a_message(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    shell, _, _ = make_shell()
    shell.history = lambda: ["mail ann@example.org"]
    context = shell.completion_context()
    for start in ("/attach", "/compose --text", "/compose --from a@b --html"):
        assert [each.text for each in suggest(context, f"{start} {tmp_path}/le")] == [f"{tmp_path}/letter.txt"]
    assert [each.text for each in suggest(context, "/compose --to an")] == ["ann@example.org"]


@pytest.mark.parametrize("name", ["/record", "/capture", "/output"])
def test_what_ends_a_file_is_suggested_before_files(name: str) -> None:
    assert words(ready(), f"{name} ")[0] == "off"


def test_the_levels_that_are_suggested_are_those_that_there_are() -> None:
    assert list(MATCH_LEVELS) == [level.name.lower() for level in Strictness]


def test_the_options_of_a_command_are_suggested_with_their_values() -> None:
    assert words(ready(), "/connect --proxy-p") == ["--proxy-protocol"]
    assert words(ready(), "/connect --proxy-protocol v1") == ["v1-unknown"]
    assert words(ready(), "/connect --proxy-protocol=v2") == ["v2-local"]
    assert words(ready(), "/replay --match k") == ["keywords"]
    assert words(ready(), "/watch --match c") == ["code"]
    assert words(ready(), "/replay --server smtps") == ["smtps://"]
    assert words(ready(), "/lint --for lab") == ["lab3", "lab7"]
    assert "ehlo-after-tls" in words(ready(), "/quiz --kind ehlo")
    assert words(ready(), "/drop ") == ["--rst"]
    assert words(ready(), "/compose --body x --t") == ["--to", "--template"]
    shown = {each.label for each in suggest(ready().completion_context(), "/connect --so")}
    assert shown == {"--source ADDR[:PORT]"}


@pytest.mark.parametrize("command", [each for each in ready().registry.values() if each.is_for_shell])
def test_every_option_has_a_description(command: ShellCommand[Shell]) -> None:
    for option in options_of(command.options):
        assert option.meaning, option.name
        assert option.meaning.isprintable()
        assert option.name.startswith("-")


def test_an_option_that_is_there_or_excluded_is_not_suggested_again() -> None:
    assert words(ready(), "/save a --") == ["--force"]
    assert words(ready(), "/save a --force --") == []
    assert "--to" in words(ready(), "/compose --to ann@example.org --")
    assert "--text" not in words(ready(), "/compose --body hello --")


def test_servers_are_suggested(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[profile.lab]\nhost = "lab.example.org"\n')
    shell, _, _ = make_shell()
    shell.options = replace(shell.options, configuration=load(tmp_path / "c.toml"))
    lines = ["/connect mx.example.org", "/connect --tls x", "/connect smtp://ann@b.example.org", "/connect lab"]
    shell.history = lambda: [*lines, "mail ann@a.example.org", "rcpt bob@b.example.org", "/connect mx.example.net:587"]
    found = {each.text: each.description for each in suggest(shell.completion_context(), "/connect ")}
    assert list(found)[:4] == ["lab", "mx.example.net:587", "x", "mx.example.org"]
    assert found["lab"] == "profile: lab.example.org"
    assert words(shell, "/connect mx.example.n") == ["mx.example.net:587"]
    assert words(shell, "/connect mx:") == ["mx:b.example.org", "mx:a.example.org"]
    assert words(shell, "/connect mail.example.org 5") == ["587"]
    assert words(shell, "/mx a") == ["a.example.org"]
    assert words(shell, "etrn b") == ["b.example.org"]
    assert words(shell, "/tls sts b") == ["b.example.org"]


def test_an_address_may_stand_in_a_path() -> None:
    shell = ready()
    shell.history = lambda: ("mail ann@example.org",)
    assert words(shell, "MAIL FROM:<an") == ["FROM:<ann@example.org>"]
    assert words(shell, "rcpt to:an") == ["to:ann@example.org"]
    assert words(shell, "mail <an") == ["<ann@example.org>"]
    assert words(shell, "MAIL FROM:<ann@example.org> SI") == ["SIZE="]


def test_names_with_blanks_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my letter.eml").write_bytes(b"x" * 1234)
    (tmp_path / "my folder").mkdir()
    (tmp_path / "it's.eml").touch()
    (tmp_path / """both'".eml""").touch()
    monkeypatch.chdir(tmp_path)
    assert words(ready(), "/show my") == ['"my folder/', '"my letter.eml"']
    assert words(ready(), '/show "my l') == ['"my letter.eml"']
    assert words(ready(), "/show 'my l") == ['"my letter.eml"']
    assert words(ready(), "/show it") == ['"it\'s.eml"']
    assert words(ready(), "/show both") == []
    assert words(ready(), 'data < "my l') == ['"my letter.eml"']
    assert words(ready(), "data my l") == []
    assert words(ready(), "data my") == ['<"my folder/', '<"my letter.eml"']
    assert [each.description for each in suggest(ready().completion_context(), "/show my")] == [
        "folder",
        "1,234 octets",
    ]
    assert Args("/show", words(ready(), "/show my")[1]).one("file") == "my letter.eml"


def test_codes_and_terms_are_suggested_with_their_titles() -> None:
    found = {each.text: each.description for each in suggest(ready().completion_context(), "/explain 5.7.")}
    assert "5.7.1" in found
    assert all(found.values())
    assert words(ready(), "/explain open re") == ["relay"]
    assert "554" in words(ready(), "/explain 55")


@pytest.mark.parametrize("kind", Kind)
def test_titles_are_those_of_the_facts(kind: Kind) -> None:
    assert titles(kind.value) == {name: fact.title for name, fact in facts(CLASSES[kind]).items()}


def test_settings_say_what_they_are_now() -> None:
    found = {each.text: each.description for each in suggest(ready().completion_context(), "/set ti")}
    assert found["times"].startswith("now on: ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/set tims off", "did you mean times?"),
        ("/tls chian", "did you mean /tls chain?"),
        ("/save --froce x", "did you mean --force?"),
        ("/connect --startls x", "did you mean --starttls?"),
        ("/replay --serer x y", "did you mean --server?"),
        ("/conect x", "did you mean /connect?"),
    ],
)
def test_the_nearest_name_is_named(line: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        ready().run(line)
    assert says in str(caught.value)
