"""Commands about messages: composing one, and sending it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import CompletionContext, Option, addresses, paths
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.message.building import Layout
    from smtp_shell.shell.composition import Composition


def _attached(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    yield from ((name, "attached") for name in context.attached)


_COMPOSE_OPTIONS = (
    Option("--from", "the author", "ADDRESS", addresses),
    Option("--to", "a recipient, or several with commas", "ADDRESS", addresses, repeats=True),
    Option("--cc", "who gets a copy", "ADDRESS", addresses, repeats=True),
    Option("--bcc", "who gets a copy unseen", "ADDRESS", addresses, repeats=True),
    Option("--subject", "the subject", "TEXT"),
    Option("--body", "the text", "TEXT", either="text"),
    Option("--text", "a file with the text", "FILE", paths, either="text"),
    Option("--editor", "write the text in $VISUAL or $EDITOR"),
    Option("--html", "a file with the text as HTML", "FILE", paths),
    Option("--template", "a file with fields and text", "FILE", paths),
    Option("--var", "a value for the template", "NAME=VALUE", repeats=True),
    Option("--smtputf8", "the header in UTF-8 (RFC 6532)"),
    Option("--new", "begin anew"),
    Option("--save", "write the octets into a new file", "FILE", paths),
)
_ATTACH_OPTIONS = (
    Option("--type", "its media type, such as text/plain; charset=utf-8", "TYPE"),
    Option("--name", "the name that readers see", "NAME"),
    Option("--remove", "take the attachment of this name away", "NAME", _attached),
)
_SEND_OPTIONS = (
    Option("--bdat", "in chunks, in place of DATA (RFC 3030)"),
    Option("--pipeline", "all before the message in one write (RFC 2920)"),
    Option("--smtputf8", "the header in UTF-8 (RFC 6531)"),
    Option("--mail-from", "another reverse-path, <> for none", "ADDRESS", addresses),
)


@shell_command("/compose", options=_COMPOSE_OPTIONS)
def compose(shell: Shell, args: Args) -> None:
    r"""Compose a message, or show the one that is being composed.

    At the prompt it asks for what is missing. Alone it shows the draft: the exact octets, each encoded field with its meaning,
    and lint's remarks.
    `/compose --to 'Jörg <joerg@example.org>' --subject 'Grüße'` changes the draft; after it was sent, or with --new, it begins another one.
    Fields are written in ASCII (RFC 2047). --smtputf8 writes them in UTF-8 (RFC 6532), for servers that announce SMTPUTF8.
    --template FILE has fields, an empty line and text, in which ${name} is replaced (--var name=value); \${ stands for itself.
    --save FILE writes the octets into a new file. Then /attach, /header, and /send.
    """
    from smtp_shell.shell.composing import ask_for_the_rest, begun, current, with_options

    given = args.read()
    if given.words:
        raise UsageError(f"/compose takes options, and {escape_str(given.words[0])} is none; see /help /compose.")
    if not args.text and not shell.options.interactive:
        current(shell)
    changes = bool(given.values.keys() - {"--save"})
    composition = begun(shell, new="--new" in given) if changes or shell.composition is None else shell.composition
    composition = with_options(shell, composition, given.values)
    if shell.options.interactive and not composition.is_sent:
        composition = ask_for_the_rest(shell, composition)
    layout = _layout(shell, composition)
    shell.composition = composition
    if "--save" in given:
        _save(shell, layout, user_path(given.last("--save")))
        return
    if given.values and not shell.options.interactive:
        shell.say(f"  The draft has {layout.size:,} octets; /compose shows it.")
        return
    from smtp_shell.shell.preview import show_preview

    show_preview(shell, composition.whole, layout)
    if shell.options.interactive:
        shell.say("  This draft was sent." if composition.is_sent else "  /send sends it; /attach FILE adds a file.")


@shell_command("/attach", "[FILE]", complete=paths, options=_ATTACH_OPTIONS)
def attach(shell: Shell, args: Args) -> None:
    """Attach a file to the draft, or list what is attached.

    Its type follows from its name, or is --type, such as `text/plain; charset=iso-8859-1`. --name is the name that readers see.
    The file is read when the message is sent. If it changes meanwhile, the message is not sent.
    """
    from smtp_shell.message.building import check_attachment
    from smtp_shell.message.draft import Attachment
    from smtp_shell.shell.composing import begun

    given = args.read()
    files = given.words
    composition = begun(shell)
    attached = composition.draft.attachments
    if "--remove" in given:
        name = given.last("--remove")
        left = tuple(each for each in attached if each.shown_name != name)
        if files or len(given.values) > 1 or len(left) == len(attached):
            raise UsageError(f"/attach --remove: no attachment has the name {escape_str(name)}; /attach lists them.")
        shell.composition = replace(composition, draft=replace(composition.draft, attachments=left))
        return
    if not files and not given.values:
        for each in attached:
            shell.say(f"  {check_attachment(each)}")
        if not attached:
            shell.say("  nothing is attached.")
        return
    if len(files) != 1:
        raise UsageError("/attach takes one file; quote a name that holds blanks. See /help /attach.")
    new = Attachment(user_path(files[0]), given.last("--type"), given.last("--name"))
    shell.say(f"  {check_attachment(new)}")
    shell.composition = replace(composition, draft=replace(composition.draft, attachments=(*attached, new)))


@shell_command("/header", "[NAME: VALUE]")
def header(shell: Shell, args: Args) -> None:
    """Set a header field of the draft, or list them all with their meaning.

    From, To, Cc, Bcc, Subject, Date and Message-ID are replaced; another field is added, and an empty value takes it out.
    Letters outside ASCII are encoded as the RFCs ask.
    """
    from smtp_shell.message.draft import with_field
    from smtp_shell.shell.composing import begun, current
    from smtp_shell.shell.preview import field_rows

    if args.text:
        name, colon, value = args.text.partition(":")
        if not colon:
            raise UsageError("/header takes NAME: VALUE, with a colon after the name.")
        composition = begun(shell)
        changed = replace(composition, draft=with_field(composition.draft, name.rstrip(" \t"), value))
        shown = [each for each in _layout(shell, changed).fields if each.name.lower() == name.strip().lower()]
        shell.composition = changed
    else:
        shown = list(_layout(shell, current(shell)).fields)
    for field in shown:
        for text, style in field_rows(field):
            shell.say(f"  {text}", style)


@shell_command("/send", options=_SEND_OPTIONS)
def send(shell: Shell, args: Args) -> None:
    """Send the draft: EHLO if it was not said, MAIL, RCPT for each recipient, and the message.

    Each command and reply is shown, then what became of each recipient. A refused one does not keep the message from the others.
    --bdat, --pipeline and --smtputf8 need a server that announces them. SMTPUTF8 is used by itself only where an address needs it.
    """
    from smtp_shell.shell.composing import ask_for_the_rest, current
    from smtp_shell.shell.sending import Wishes, send_draft

    given = args.read()
    if given.words:
        raise UsageError(f"/send takes options only, and {escape_str(given.words[0])} is none; see /help /send.")
    composition = current(shell)
    if composition.is_sent:
        from smtp_shell.shell.composition import Composition

        composition = Composition.begin(composition.draft, smtputf8=composition.smtputf8)
    if shell.options.interactive and not (composition.draft.from_ and composition.draft.recipients):
        composition = shell.composition = ask_for_the_rest(shell, composition)
    sender = given.last("--mail-from") if "--mail-from" in given else None
    wishes = Wishes("--bdat" in given, "--pipeline" in given, "--smtputf8" in given, sender)
    send_draft(shell, composition, wishes)


def _layout(shell: Shell, composition: Composition) -> Layout:
    """Return the octets of a draft as this server would get them; say so if it would not take them."""
    from smtp_shell.message.building import lay_out
    from smtp_shell.shell.sending import uses_smtputf8

    extensions = shell.session.dialogue.extensions if shell.session is not None and shell.session.is_open else None
    draft = composition.whole
    try:
        smtputf8 = uses_smtputf8(draft, extensions, wanted=composition.smtputf8)
    except (NotSendable, UsageError) as error:
        shell.say(str(error), "notice")
        smtputf8 = True
    return lay_out(draft, smtputf8=smtputf8)


def _save(shell: Shell, layout: Layout, path: Path) -> None:
    from smtp_shell.private_files import whole_file

    with whole_file(path) as stream:
        for piece in layout.pieces():
            stream.write(piece)
    shell.say(f"  {layout.size:,} octets are in {escape_str(str(path))}.")
