"""What is said about a line while it is typed: the line that goes out, the syntax, what is missing, and what is out of order.

A hint never stops a line: anything may be sent at any time. It never repeats a credential, and says nothing of mail data or of an answer
to a 334.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic

from msgspec import Struct

from smtp_shell.errors import NotSendable, SmtpShellError, UsageError
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.registry import OTHER_NAMES, Args, Registry, ShellCommand, ShellT

if TYPE_CHECKING:
    from smtp_shell.knowledge.exchanges import Standing
    from smtp_shell.protocol.commands import Command

_LONGEST = 1_000  # characters of a line that is looked at; a longer one is a paste
_MOST_SHOWN = 200
_LATER = (Phase.MAILDATA, Phase.AUTH, Phase.TLS)  # the next line is no command
# A whole line of each form, of which a line that is being typed may be the start.
_FORMS = (
    "MAIL FROM:<a@b.example>",
    "RCPT TO:<a@b.example>",
    "BDAT 1 LAST",
    "VRFY a",
    "EXPN a",
    "EHLO [192.0.2.1]",
    "HELO a",
    "LHLO a",
)
# What can follow the characters typed so far, so that nothing is wrong with the line.
_ENDINGS_OF_LITERAL = ("]", "1]")
_ENDINGS = (
    "",
    ">",
    "example>",
    ".example>",
    "b.example>",
    "@b.example>",
    "a@b.example>",
    "]",
    "1]",
    "1",
    '"@b.example>',
)
_HELLOS = ("EHLO ", "HELO ", "LHLO ")
_ENDINGS_OF_ADDRESS = ("@b.example", "b.example", ".example", ">", '"@b.example')
_MISSING = "missing"
_NO_BRACKET = "The closing angle bracket is missing"
# What other shells call it -> what does it here. None of it is a command of SMTP.
_HABITS = {
    **dict.fromkeys(("exit", "exit()", "quit()", "\\q", ":q", "bye", "logout"), "/exit leaves the shell"),
    **dict.fromkeys(("?", "\\?", "\\h", "help()"), "/help lists what there is"),
    **dict.fromkeys(("clear", "cls"), "Ctrl-L clears the screen"),
    "history": "/history lists what was typed",
}
_NO_CONNECTION = "no connection: /connect HOST opens one"


class Hint(Struct, frozen=True):
    """What is said about a line, in two parts, each printable and possibly empty.

    Args:
        text: The line that it becomes, or its syntax.
        doubt: What speaks against it.
        summary: What the line does, which is shown where there is room for all of it.
    """

    text: str = ""
    doubt: str = ""
    summary: str = ""

    def forms(self) -> tuple[tuple[str, str], ...]:
        """Return both parts as they are shown where there is room, then in less and less room."""
        head, _, tail = self.doubt.rpartition(": ")
        short = head if head and tail.count('"') % 2 == 0 else self.doubt
        whole = ((f"{self.text}   {self.summary}", self.doubt),) if self.summary else ()
        forms = ((self.text, self.doubt), (self.text, short), ("", self.doubt), ("", short))
        return (*whole, *(forms if self.doubt else forms[:1]))


class Situation(Struct, Generic[ShellT], frozen=True):
    """What a hint is made from, beside the line.

    Args:
        registry: The slash commands and the shorthands.
        hello: Returns EHLO, HELO or LHLO with this client's name, given the verb; raises UsageError without a connection.
        phase: Phase of the dialogue; None without a connection.
        standing: Where the dialogue stands; None where that is open, as within a group or while replies are owed.
        in_exchange: Whether an AUTH command was sent whose exchange has not ended.
    """

    registry: Registry[ShellT]
    hello: Callable[[str], Command]
    phase: Phase | None = None
    standing: Standing | None = None
    in_exchange: bool = False


def hint(line: str, now: Situation[ShellT]) -> Hint:
    """Return what to say about a line that is being typed.

    Args:
        line: The line, as far as it is typed.
        now: Where it is typed.
    """
    typed = line[:_LONGEST].lstrip(" \t")
    if not typed.strip(" \t") or len(line) > _LONGEST:
        return Hint()
    if typed.startswith("/"):
        return _of_slash(typed, now.registry)
    if now.phase in _LATER:
        return Hint()
    habit = _HABITS.get(typed.rstrip(" \t").lower())
    if habit is not None:
        return Hint(doubt=habit if now.phase is None else f"{habit}: this line goes to the server")
    from smtp_shell.shell.typed_secrets import mask_starts

    if mask_starts(line, in_exchange=now.in_exchange)[0] is not None:
        return Hint("AUTH mechanism [initial-response]") if typed[:4].upper() == "AUTH" else Hint()
    word, _, rest = typed.rstrip(" \t").partition(" ")
    if doubt := _of_the_shell(word, now):
        return Hint(doubt=doubt)
    shorthand = now.registry.shorthand(word, rest.strip(" \t"))
    if shorthand is not None:
        return _of_shorthand(shorthand, typed, now)
    return _of_line(typed, now)


def _of_slash(typed: str, registry: Mapping[str, ShellCommand[ShellT]]) -> Hint:
    """Return the syntax of a slash command and what it does, or the command that was probably meant."""
    name, blank, rest = typed.partition(" ")
    command = registry.get(name)
    if command is not None:
        doubt = "" if name == "/raw" else _open_quote(Args(name, rest))
        return Hint(_shortened(f"{name} {command.usage}".rstrip()), doubt, _shortened(command.summary))
    if not blank and any(each.startswith(name) for each in registry):
        return Hint()
    if habit := OTHER_NAMES.get(name[1:].lower()):
        return Hint(doubt=f"did you mean {habit}?")
    from smtp_shell.arguments import did_you_mean

    slashed = [each for each in registry if each.startswith("/")]
    return Hint(doubt=did_you_mean(name, slashed, "no command of the shell: /help lists them"))


def _of_the_shell(word: str, now: Situation[ShellT]) -> str:
    """Return which slash command a word means that no server knows; empty for none."""
    from smtp_shell.protocol.commands import VERBS

    meant = now.registry.meant(word)
    if not meant or (now.phase is not None and word.upper() in VERBS):
        return ""
    return f"did you mean {meant}?" if now.phase is None else f"{word} is no command of SMTP: did you mean {meant}?"


def _open_quote(args: Args) -> str:
    try:
        _ = args.words
    except UsageError:
        return "a quotation mark is not closed"
    return ""


def _of_shorthand(shorthand: ShellCommand[ShellT], typed: str, now: Situation[ShellT]) -> Hint:
    """Return the lines that a shorthand stands for, and what speaks against the first one."""
    name = shorthand.name
    if now.phase is None:
        return Hint(_shortened(f"{name} {shorthand.usage}".rstrip()), _NO_CONNECTION)
    if name in ("auth", "bdat") or (name == "data" and "<" in typed):
        from smtp_shell.protocol.commands import Command

        return Hint(_of_many(name, shorthand.usage, now), _out_of_order(Command(name.upper().encode()), now))
    from smtp_shell.shell.groups import commands_of
    from smtp_shell.shell.message_files import split_file

    line, file = split_file(typed) if name == "mail" else (typed, "")
    try:
        commands = commands_of(line, now.registry, now.hello)
    except SmtpShellError as error:
        return Hint(doubt=_shortened(str(error)))
    if not commands:
        return Hint()
    shown = f"C: {_shortened(escape(commands[0].shown))}"
    if len(commands) > 1:
        shown += f"  and {len(commands) - 1} more"
    if file:
        shown += "  with the SIZE of the file"
    return Hint(shown, _wrong(commands[0], typed, now))


def _of_many(name: str, usage: str, now: Situation[ShellT]) -> str:
    """Return what a shorthand does that is more than one line."""
    if name == "data":
        return "C: DATA  and after a 354 the file, with dots doubled"
    if name == "bdat":
        return "C: BDAT  and the file, in chunks"
    extensions = now.standing.extensions if now.standing is not None else None
    if extensions is not None and extensions.mechanisms:
        return f"C: AUTH  announced: {' '.join(escape_str(each[:20]) for each in extensions.mechanisms[:8])}"
    return _shortened(f"{name} {usage.partition(' [--')[0]}")


def _of_line(typed: str, now: Situation[ShellT]) -> Hint:
    """Return the syntax of a line that goes out as typed, while nothing is wrong with it, or else what is."""
    from smtp_shell.protocol.commands import VERBS, Command, refuse_line_breaks

    verb = "".join(typed.split()[:1]).upper()  # empty for what only Unicode takes for a blank, such as U+0085
    if verb not in VERBS and typed.isalpha() and any(each.startswith(verb) for each in VERBS):
        return Hint()
    try:
        refuse_line_breaks(typed, "the line")
        command = Command.parse(typed.encode("utf-8", "surrogateescape"))
    except (NotSendable, UnicodeEncodeError):
        return Hint(doubt="the line holds half a character, CR, LF or NUL")
    syntax = _syntax(verb)
    shorthand = now.registry.get(verb.lower())
    rest = typed.partition(" ")[2].lstrip(" \t")
    if shorthand is not None and (not rest or _begins_address(verb, rest, now)):
        both = _shortened(f"{shorthand.name} {shorthand.usage}, or {syntax}")
        return Hint(both, f"{_NO_BRACKET}." if rest.startswith("<") else _out_of_place(command, typed, now))
    return Hint(syntax, _wrong(command, typed, now))


def _begins_address(verb: str, rest: str, now: Situation[ShellT]) -> bool:
    """Return whether what is typed after a verb may become the address that makes the line a shorthand."""
    return any(now.registry.shorthand(verb, rest + ending) is not None for ending in _ENDINGS_OF_ADDRESS)


def _syntax(verb: str) -> str:
    """Return the syntax of a command, as the standard writes it; empty for a verb that is none."""
    from smtp_shell.knowledge.tables import table

    fact = table("command", verb) if verb.isalnum() else None
    return str(fact[1].get("syntax", "")).replace("[SP ", "[").replace("(SP ", "(") if fact is not None else ""


def _wrong(command: Command, typed: str, now: Situation[ShellT]) -> str:
    """Return what is wrong with a line: its form as far as it is typed, then its place in the dialogue."""
    from smtp_shell.knowledge.near import near_misses

    misses = near_misses(command.shown)
    if misses and _is_begun(command.shown):
        # Nothing is wrong yet. What is missing at the end is said all the same where it is one character.
        misses = tuple(each for each in misses if _MISSING in each and "bracket" in each)[:1]
        if typed.rstrip()[-1:] in "<[:":
            misses = ()
    return _shortened(misses[0]) if misses else _out_of_place(command, typed, now)


def _out_of_place(command: Command, typed: str, now: Situation[ShellT]) -> str:
    """Return what speaks against a command here and now, whatever its form is."""
    return _NO_CONNECTION if now.phase is None else _out_of_order(command, now, typed)


def _is_begun(line: bytes) -> bool:
    """Return whether a line may be the start of one with which nothing is wrong."""
    from smtp_shell.knowledge.near import near_misses

    words = b" ".join(line.split()) + (b" " if line[-1:] == b" " else b"")
    text = words.decode("utf-8", "replace").upper().strip()
    if any(form.upper().startswith(text) for form in _FORMS):
        return True
    endings: tuple[str, ...] = _ENDINGS
    if text.startswith(_HELLOS):
        endings = _ENDINGS_OF_LITERAL if "[" in text else ()
    return any(not near_misses(line + ending.encode()) for ending in endings)


def _out_of_order(command: Command, now: Situation[ShellT], typed: str = "") -> str:
    """Return why a command would be refused now; empty for no reason that the dialogue shows."""
    if now.standing is None:
        return ""
    from smtp_shell.knowledge.reasons import foreseen

    last = typed.rpartition(" ")[2].partition("=")[0].upper() if typed and not typed.endswith(" ") else ""
    for reason in foreseen(command, now.standing):
        # A parameter that is being typed is not known yet.
        if not (last and reason.startswith(f"{escape_str(last[:20])} is no parameter")):
            return _shortened(reason)
    return ""


def _shortened(text: str) -> str:
    text = text.replace("…", "...")  # not every terminal has it
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
