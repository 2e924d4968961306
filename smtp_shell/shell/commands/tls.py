"""`/tls`: what an administrator asks of a TLS connection, and of one that failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.arguments import nearest
from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import Option, domains, paths
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.tls_views import shown_facts, shown_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from smtp_shell.client.tls_demands import Demand
    from smtp_shell.display.tls_rows import TlsRow
    from smtp_shell.net.tls_view import TlsView
    from smtp_shell.shell.completion import CompletionContext

_NO_TLS = "this connection has no TLS; use starttls, or /connect smtps://HOST."
_ACTIONS = {
    "chain": "the chain as a tree, and all that each certificate says",
    "save": "write the chain to a file, as PEM",
    "ocsp": "ask for an OCSP staple, over a connection of its own",
    "dane": "ask the DNS for TLSA records, and compare them with the certificates",
    "sts": "ask for the MTA-STS policy of a mail domain, and compare it with this server",
    "pin": "keep this server's public key: any other is refused",
}


def _complete(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    words = text.split(" ")
    if len(words) == 1:
        yield from _ACTIONS.items()
    elif words[0] == "save":
        yield from paths(context, text)
    elif words[0] == "pin":
        yield "off", "take any key again"
    elif words[0] == "sts":
        yield from domains(context, words[-1])


@shell_command(
    "/tls",
    "[chain | save FILE | pin [off] | ocsp | dane | sts DOMAIN]",
    complete=_complete,
    group="connection",
    options=(
        Option("--all", "all that is known"),
        Option("--json", "as one JSON object"),
        Option("--force", "save: write over a file that is there"),
    ),
)
def tls(shell: Shell, args: Args) -> None:
    """Show TLS: version, cipher, key exchange, the server's certificate, its chain, and the verdict of each check.

    It works for a server that was refused too: it shows all that had come by then, which check failed, and what to do.
    `/tls --all` shows all that is known, `/tls chain` the certificates alone. --json makes one JSON object of it, with the
    certificates as PEM.
    `/tls save FILE` writes the chain that the server sent as PEM; a file that is there already is left alone unless --force follows it.
    `/tls pin` prints the SHA-256 of the server's public key, and keeps it for this host: from then on any other key is refused.
    `/tls pin off` forgets it. The option --tls-pin does the same from the start.
    `/tls ocsp` asks the server for an OCSP staple, over a short connection of its own, and whether the certificate was revoked.
    `/tls dane` asks the DNS for TLSA records of this host, `/tls sts DOMAIN` for the MTA-STS policy of a mail domain, and whether
    this server meets them. None of these is asked by itself.
    """
    given = args.read()
    action, *rest = given.words or [""]
    run = _RUN.get(action)
    if run is None:
        near = nearest(action, _ACTIONS)
        advice = f"did you mean /tls {near}?" if near else "see /help /tls."
        raise UsageError(f"/tls: {escape_str(action)} is nothing that it can do; {advice}")
    rest += [name for name in ("--all", "--force") if name in given]
    run(shell, rest, "--json" in given)


def _show(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if words not in ([], ["--all"]):
        raise UsageError("/tls takes --all, --json, or what to do; see /help /tls.")
    from smtp_shell.display.tls_rows import all_rows, short_rows

    _tell(shell, as_json, all_rows if words else short_rows)


def _chain(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if words:
        raise UsageError("/tls chain takes nothing but --json; see /help /tls.")
    from smtp_shell.display.tls_rows import chain_rows

    _tell(shell, as_json, chain_rows)


def _save(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    names = [word for word in words if word != "--force"]
    if len(names) != 1 or names[0].startswith("--"):
        raise UsageError("/tls save takes one file, and --force; see /help /tls.")
    chain = _view(shell).chain
    ders = [link.facts.der for link in chain.links if link.sent] + [each.der for each in chain.unused]
    if not ders:
        raise UsageError("/tls save: the server has sent no certificate.")
    from smtp_shell.display.tls_json import pem
    from smtp_shell.private_files import whole_file

    path = user_path(names[0])
    with whole_file(path, overwrite="--force" in words) as file:
        file.write("".join(pem(der) for der in ders).encode())
    rows = [f"  {len(ders):,} certificate{'' if len(ders) == 1 else 's'} saved to {escape_str(str(path))}"]
    _answer(shell, as_json, rows, {"what": "tls save", "file": str(path), "certificates": len(ders)})


def _pin(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if words not in ([], ["off"]):
        raise UsageError("/tls pin takes nothing but off; see /help /tls.")
    host = shell.target.host if shell.target is not None else ""
    if words:
        if shell.pins.pop(host, None) is None:
            raise UsageError("/tls pin off: no key is pinned for this host.")
        shell.say(f"  any key of {escape_str(host)} is taken again, if its certificate is good")
        return
    view = _view(shell)
    if not view.pin:
        raise UsageError("/tls pin: the server's public key is not known.")
    shell.pins[host] = view.pin
    rows = [
        f"  SHA256:{view.pin}",
        f"  {escape_str(host)} must have this key from now on, in this shell; /tls pin off forgets it.",
        "  In another shell: --tls-pin with the same.",
    ]
    _answer(
        shell, as_json, rows, {"what": "tls pin", "host": host, "pin": f"SHA256:{view.pin}", "outcome": view.outcome}
    )


def _ocsp(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if words:
        raise UsageError("/tls ocsp takes nothing but --json; see /help /tls.")
    _view(shell)  # there is TLS to ask about
    target = shell.target
    if target is None:
        raise UsageError(_NO_TLS)
    from smtp_shell.client.staple_probe import ask_for_staple
    from smtp_shell.display.tls_rows import revocation_rows

    with shell.waiting_for(lambda: "the OCSP staple"):
        shell.asked_for_staple = ask_for_staple(
            target,
            timeouts=shell.timeouts,
            connection=shell.options.connection,
            tls=shell.tls,
            ehlo=shell.settings.ehlo,
        )
    _tell(shell, as_json, revocation_rows)


def _dane(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if words:
        raise UsageError("/tls dane takes nothing but --json; see /help /tls.")
    from smtp_shell.net.literals import family_of

    _view(shell)  # there is TLS to ask about
    facts, target = shown_facts(shell), shell.target
    if facts is None or target is None:
        raise UsageError("/tls dane: there was no handshake, so that there is no certificate to compare.")
    if family_of(facts.name) is not None:
        raise UsageError(
            "/tls dane: TLSA records are about host names, and this is an address; connect by the host's name."
        )
    from smtp_shell.client.tls_demands import ask_tlsa_records, dane_demand
    from smtp_shell.protocol.hostnames import ascii_name

    name = ascii_name(facts.name)
    with shell.waiting_for(lambda: "the TLSA records"):
        answer = ask_tlsa_records(name, target.port, shell.connection.resolver, _deadline(shell))
    _note_demand(shell, "dane", dane_demand(answer, facts, [name]), as_json)


def _sts(shell: Shell, words: Sequence[str], as_json: bool) -> None:
    if len(words) != 1:
        raise UsageError("/tls sts takes the mail domain whose policy is asked for; see /help /tls.")
    _view(shell)  # there is TLS to ask about
    facts = shown_facts(shell)
    from smtp_shell.client.tls_demands import Demand, ask_policy, policy_demand, policy_words
    from smtp_shell.net.mta_sts import StsFailed
    from smtp_shell.protocol.hostnames import ascii_name

    domain = ascii_name(words[0])
    with shell.waiting_for(lambda: f"the MTA-STS policy of {domain}"):
        policy = ask_policy(domain, shell.connection.resolver, shell.timeouts.connect, shell.options.policy_server)
    found = policy_demand(policy, facts.name if facts is not None else "", facts)
    about = f"{policy_words(policy)} (policy of {escape_str(domain)})"
    if found is None:
        is_unknown = isinstance(policy, StsFailed) and not policy.is_absent
        demand = Demand("unknown" if is_unknown else "none", about)
    else:
        demand = Demand(found.status, f"{found.words}; {about}")
    _note_demand(shell, "mta-sts", demand, as_json)


def _note_demand(shell: Shell, name: str, demand: Demand, as_json: bool) -> None:
    from smtp_shell.display.tls_rows import check_rows
    from smtp_shell.net.chain_checks import Check, Verdict

    verdict = {"met": Verdict.GOOD, "not met": Verdict.BAD, "none": Verdict.NONE, "testing": Verdict.NONE}.get(
        demand.status, Verdict.UNKNOWN
    )
    do = "deliver no mail here; tell the server's operator" if verdict is Verdict.BAD else ""
    shell.demands[name] = Check(name, verdict, demand.words.removeprefix("not known: "), do)
    _tell(shell, as_json, lambda view: check_rows([each for each in view.checks if each.name == name]))


def _deadline(shell: Shell) -> float:
    return time.monotonic() + shell.timeouts.connect


_RUN: Mapping[str, Callable[[Shell, Sequence[str], bool], None]] = {
    "": _show,
    "chain": _chain,
    "save": _save,
    "pin": _pin,
    "ocsp": _ocsp,
    "dane": _dane,
    "sts": _sts,
}


def _tell(shell: Shell, as_json: bool, rows: Callable[[TlsView], Iterator[TlsRow]]) -> None:
    from smtp_shell.display.tls_json import tls_object

    view = _view(shell)
    shell.view.answer(((row.text, row.style) for row in rows(view)), [tls_object(view)], as_json=as_json)


def _answer(shell: Shell, as_json: bool, rows: Sequence[str], facts: Mapping[str, object]) -> None:
    shell.view.answer([(row, "quoted") for row in rows], [facts], as_json=as_json)


def _view(shell: Shell) -> TlsView:
    """Return the view of this connection, or of the last one whose TLS failed.

    Raises:
        UsageError: There is no TLS.
    """
    if shell.tls_failure is None:
        shell.need_session()
    view = shown_view(shell)
    if view is None:
        raise UsageError(_NO_TLS)
    return view
