"""The command that lists the hosts of a mail domain, and what each of them answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.figures import shown_seconds
from smtp_shell.net.target import Target, parse_domain
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import Option, domains
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.client.mail_hosts import MailHost
    from smtp_shell.client.survey import Survey
    from smtp_shell.client.tls_demands import Demand
    from smtp_shell.net.dns import MxAnswer, MxHost, TlsaAnswer
    from smtp_shell.net.mta_sts import StsFailed, StsPolicy

_SECONDS_FOR_THE_LOOK_UP = 10.0
_MOST_ADDRESSES = 16


@shell_command(
    "/mx",
    "DOMAIN[:PORT]",
    complete=domains,
    group="connection",
    options=(Option("--no-ask", "ask the DNS only, and no host"),),
)
def mx(shell: Shell, args: Args) -> None:
    """List the hosts that take mail for a domain, and what each of them answers.

    The hosts come in the order in which a server tries them, each with its preference and its addresses. All are asked at the same time
    for greeting, EHLO, STARTTLS and certificate, with times. Nothing is sent but EHLO, STARTTLS and QUIT.
    What TLSA records (DANE) and an MTA-STS policy demand of each host is compared with what it showed. TLSA counts only if a resolver on
    this machine says that it was authenticated.
    `/connect mx:DOMAIN` connects to the first host that greets.
    The name server is the system's, or that of `/set resolver ADDR`.
    """
    from smtp_shell.client.mail_hosts import MOST_TRIED, mail_hosts

    given = args.read()
    if len(given.words) != 1 or given.words[0].startswith("-"):
        raise UsageError("/mx takes a domain, and --no-ask; see /help /mx.")
    target = parse_domain(given.words[0])
    with shell.waiting_for(lambda: f"the MX records of {target.host}"):
        deadline = time.monotonic() + _seconds_for_the_look_up(shell)
        answer, hosts = mail_hosts(target, shell.connection.resolver, deadline, in_random_order=False)
    no_ask = "--no-ask" in given
    policy = None if no_ask or not hosts else _policy(shell, answer.domain)
    shell.view.answer(_head(answer, policy), [_facts(answer, policy)])
    if len(hosts) > MOST_TRIED:
        shell.say(f"  Only the first {MOST_TRIED} are looked at.", "notice")
    found = _addresses(shell, hosts[:MOST_TRIED])
    asked = [each.target for each in found if each.target is not None and each.addresses]
    surveys = {} if no_ask else _surveys(shell, asked)
    for each in found:
        survey = None if each.target is None else surveys.get(each.target)
        demands = _demands(answer, each, survey, policy)
        shell.view.answer(_host(answer, each, survey, demands), [_host_facts(answer, each, survey, demands)])


def _seconds_for_the_look_up(shell: Shell) -> float:
    return min(_SECONDS_FOR_THE_LOOK_UP, shell.timeouts.connect)


class _Found(Struct, frozen=True):
    """A host, with its addresses and its TLSA records; why there are none."""

    host: MxHost
    target: Target | None
    addresses: tuple[str, ...] = ()
    problem: str = ""
    tlsa: TlsaAnswer | Demand | None = None


def _policy(shell: Shell, domain: str) -> StsPolicy | StsFailed:
    from smtp_shell.client.tls_demands import ask_policy

    with shell.waiting_for(lambda: f"the MTA-STS policy of {domain}"):
        return ask_policy(
            domain, shell.connection.resolver, _seconds_for_the_look_up(shell), shell.options.policy_server
        )


def _addresses(shell: Shell, hosts: Sequence[MailHost]) -> list[_Found]:
    """Return each host with its addresses and TLSA records, all of them looked up within one limit."""
    from smtp_shell.client.tls_demands import ask_tlsa_records
    from smtp_shell.display.surveys import short_reason
    from smtp_shell.net.resolve import resolve

    connection, deadline = shell.connection, time.monotonic() + _seconds_for_the_look_up(shell)
    found = []
    for each in hosts:
        if each.target is None:
            found.append(_Found(each.host, None, problem=each.host.problem))
            continue
        try:
            with shell.waiting_for(partial("the addresses of {}".format, each.host.name)):
                addresses = resolve(each.target, deadline, connection.family, server=connection.resolver)
        except ConnectFailed as error:
            found.append(_Found(each.host, each.target, problem=short_reason(error.message)))
            continue
        shown = tuple(dict.fromkeys(str(address.sockaddr[0]) for address in addresses))
        with shell.waiting_for(partial("the TLSA records of {}".format, each.host.name)):
            tlsa = ask_tlsa_records(each.target.host, each.target.port, connection.resolver, deadline)
        found.append(_Found(each.host, each.target, shown[:_MOST_ADDRESSES], tlsa=tlsa))
    return found


def _surveys(shell: Shell, targets: Sequence[Target]) -> dict[Target, Survey]:
    if not targets:
        return {}
    from smtp_shell.client.survey import survey_all
    from smtp_shell.shell.probe import plan_of

    left = [target.host for target in targets]
    with shell.waiting_for(lambda: f"the answers of {', '.join(left)}"):
        surveys = survey_all(targets, plan_of(shell, targets[0]), lambda survey: left.remove(survey.target.host))
    return {survey.target: survey for survey in surveys}


def _demands(
    answer: MxAnswer, found: _Found, survey: Survey | None, policy: StsPolicy | StsFailed | None
) -> dict[str, Demand]:
    """Return what is demanded of a host, by the name of who demands it."""
    from smtp_shell.client.tls_demands import dane_demand, policy_demand

    facts = None if survey is None else survey.tls
    demands = {}
    if found.tlsa is not None:
        names = (found.host.name, answer.domain)
        demands["DANE"] = dane_demand(found.tlsa, facts, names, is_authenticated=answer.by.authenticated)
    if policy is not None and found.target is not None:
        sts = policy_demand(policy, found.host.name, facts, seen=survey is not None and survey.is_reached)
        if sts is not None:
            demands["MTA-STS"] = sts
    return demands


def _head(answer: MxAnswer, policy: StsPolicy | StsFailed | None) -> Iterator[tuple[str, str]]:
    from smtp_shell.client.mail_hosts import described
    from smtp_shell.client.tls_demands import policy_words

    by = answer.by
    yield f"  {described(answer)}", "quoted"
    yield f"  answered by {by.server} in {shown_seconds(by.seconds)}, {by.trust}", "quoted"
    if not answer.is_null:
        yield f"  MTA-STS: {'not asked' if policy is None else policy_words(policy)}", "quoted"


def _facts(answer: MxAnswer, policy: StsPolicy | StsFailed | None) -> dict[str, object]:
    from smtp_shell.client.tls_demands import policy_words

    by = answer.by
    sts = {} if policy is None else {"mta_sts": policy_words(policy)}
    return {
        "domain": escape_str(answer.domain),
        "hosts": len(answer.hosts) + answer.more,
        "null_mx": answer.is_null,
        "implicit": answer.is_implicit,
        "resolver": by.server,
        "authenticated": by.authenticated,
        "seconds": round(by.seconds, 4),
        **sts,
    }


def _host(
    answer: MxAnswer, found: _Found, survey: Survey | None, demands: Mapping[str, Demand]
) -> Iterator[tuple[str, str]]:
    host = found.host
    same = "  (of equal preference: in a random order)" if host.preference in answer.equal else ""
    shown = "  -" if answer.is_implicit else f"{host.preference:>3}"
    yield f"  {shown} {host.name}{same}", "quoted"
    if found.problem:
        yield f"      {'no address' if found.target is not None else 'problem':12} {found.problem}", "notice"
        return
    yield f"      {'addresses':12} {', '.join(found.addresses)}", "quoted"
    if survey is not None:
        from smtp_shell.display.surveys import survey_rows

        yield from survey_rows(survey)
    for name, demand in demands.items():
        yield f"      {name:12} {demand.words}", "notice" if demand.status == "not met" else "quoted"


def _host_facts(
    answer: MxAnswer, found: _Found, survey: Survey | None, demands: Mapping[str, Demand]
) -> dict[str, object]:
    facts: dict[str, object] = {"domain": escape_str(answer.domain)}
    if not answer.is_implicit:
        facts["preference"] = found.host.preference
    facts |= {"host": found.host.name, "addresses": list(found.addresses)}
    if found.problem:
        facts["problem"] = found.problem
    for name, demand in demands.items():
        key = name.lower().replace("-", "_")
        facts |= {key: demand.status, f"{key}_words": demand.words}
    return facts if survey is None else facts | survey.facts()
