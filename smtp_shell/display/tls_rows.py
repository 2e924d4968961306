"""A TLS connection in words: what `/tls` shows, in rows that fit a screen of 80 columns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.net.chain_checks import Check, Verdict, life_of
from smtp_shell.net.staples import Staple, day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtp_shell.net.certificate_facts import CertificateFacts
    from smtp_shell.net.chains import Chain
    from smtp_shell.net.tls_view import TlsView

_FEW = 8
_MANY = 100
_MOST_LINKS = 20
_LABEL = 13
_MARGIN = "  "


class TlsRow(Struct, frozen=True):
    """One row.

    Args:
        text: Its text, printable.
        style: A key of `themes.STYLES`.
    """

    text: str
    style: str = "quoted"


def short_rows(view: TlsView) -> Iterator[TlsRow]:
    """Return what there is to know at a glance: the connection, the server's certificate, the chain, and the verdict of each check."""
    yield from _head(view)
    yield from _connection(view, _FEW)
    leaf = view.chain.leaf
    if leaf is not None:
        yield from _certificate_in_short(leaf)
    yield from tree_rows(view.chain)
    yield from check_rows(view.checks)
    yield _verdict(view)


def all_rows(view: TlsView) -> Iterator[TlsRow]:
    """Return all that is known: the connection, each certificate, the OCSP answer, and the verdict of each check."""
    yield from _head(view)
    yield from _connection(view, _MANY)
    yield from chain_rows(view)
    if view.staple is not None:
        yield from staple_rows(view.staple)
    yield from check_rows(view.checks)
    yield _verdict(view)


def chain_rows(view: TlsView) -> Iterator[TlsRow]:
    """Return the chain as a tree, and each of its certificates with all that it says."""
    chain = view.chain
    yield from tree_rows(chain)
    links = chain.links[:_MOST_LINKS]
    for number, link in enumerate(links, 1):
        origin = "sent by the server" if link.sent else "not sent"
        trusted = f", trusted in {link.place}" if link.place else ""
        own = ", its own" if number == 1 else ""
        yield TlsRow(f"{_MARGIN}certificate {number} of {len(chain.links):,}{own}, {origin}{trusted}", "event")
        yield from _certificate(link.facts)
    if len(chain.links) > _MOST_LINKS:
        yield TlsRow(f"{_MARGIN}and {len(chain.links) - _MOST_LINKS:,} more; /tls save FILE writes all of them", "said")
    for facts in chain.unused[: _MOST_LINKS - len(links)]:
        yield TlsRow(f"{_MARGIN}a certificate that the server sent and that no other needs", "event")
        yield from _certificate(facts)


def tree_rows(chain: Chain) -> Iterator[TlsRow]:
    """Return the chain as a tree, the authority first; nothing without a certificate."""
    links = chain.links
    hidden = max(len(links) - _MOST_LINKS, 0)
    shown = [*links[: _MOST_LINKS - 1], links[-1]] if hidden else [*links]
    top = chain.top
    if top is not None and not chain.trusted and not top.self_issued:
        yield _row("chain", f"{top.issuer or '(no issuer)'} [not sent, not known here]", "notice")
    for depth, link in enumerate(reversed(shown)):
        missing = top is not None and not chain.trusted and not top.self_issued
        place = f" [trusted in {link.place}]" if link.place else "" if link.sent else " [not sent]"
        note = place or (" [trusted here]" if chain.trusted and depth == 0 else "")
        level = depth + missing
        branch = f"{'   ' * min(level - 1, 8)}`- " if level else ""
        yield _row("" if level else "chain", f"{branch}{_name(link.facts)}{note}")
        if hidden and depth == 0:
            yield _row("", f"   ... {hidden:,} more", "said")
    if chain.unused:
        names = "; ".join(_name(each) for each in chain.unused[:3])
        more = f" and {len(chain.unused) - 3:,} more" if len(chain.unused) > 3 else ""
        yield _row("", f"sent besides, and not needed: {names}{more}", "notice")
    if not chain.in_order:
        yield _row("", "the server does not send them in this order (RFC 8446 section 4.4.2)", "notice")


def check_rows(checks: Sequence[Check]) -> Iterator[TlsRow]:
    """Return the verdict of each check, and what to do."""
    if checks:
        yield TlsRow(f"{_MARGIN}checks")
    for check in checks:
        verdict = "BAD" if check.verdict is Verdict.BAD else check.verdict.value
        style = {Verdict.BAD: "error", Verdict.GOOD: "quoted"}.get(check.verdict, "said")
        yield _check(check.name, f"{verdict}: {check.text}", style)
        if check.do:
            yield _check("", f"do: {check.do}", "notice")


def revocation_rows(view: TlsView) -> Iterator[TlsRow]:
    """Return what is known about whether the certificate was revoked."""
    if view.staple is not None:
        yield from staple_rows(view.staple)
    yield from check_rows([each for each in view.checks if each.name == "revocation"])


def staple_rows(staple: Staple) -> Iterator[TlsRow]:
    """Return what an OCSP answer says."""
    yield _row("OCSP staple", f"{staple.status or 'no answer'}, {staple.octets:,} octets")
    if staple.problem:
        yield _row("", staple.problem, "error")
    if staple.revoked_at is not None:
        yield _row("", f"revoked {day(staple.revoked_at)} UTC{f', {staple.reason}' if staple.reason else ''}", "error")
    if staple.this_update is not None:
        until = f" to {day(staple.next_update)}" if staple.next_update is not None else ", with no end"
        yield _row("", f"right from {day(staple.this_update)}{until} UTC, made {day(staple.produced_at)}")
        yield _row(
            "", f"by {staple.responder or '(nobody named)'}, signed with {staple.signature_hash.upper() or 'no hash'}"
        )
        yield _row("", f"about serial {staple.serial}")


def _head(view: TlsView) -> Iterator[TlsRow]:
    if view.reason:
        yield _row("failed", view.reason, "error")


def _connection(view: TlsView, most: int) -> Iterator[TlsRow]:
    yield _row("version", view.version or "none was agreed on")
    bits = f", {view.bits} bits" if view.bits else ""
    yield _row("cipher", f"{view.cipher or 'none was agreed on'}{bits}")
    yield _row("key exchange", str(view.group))
    yield _row("signed with", str(view.scheme))
    resumed = {None: "", True: "resumed, ", False: "new, "}[view.resumed]
    yield _row("session", f"{resumed}ticket {view.ticket}")
    if view.alpn or most > _FEW:
        yield _row("ALPN", view.alpn or "none")
    if view.compression:
        yield _row("compression", view.compression, "notice")
    if most > _FEW:
        yield from _protections(view)
    yield _row("client", _request(view, most))
    if view.key_log:
        yield _row("keys", f"are written to {view.key_log} (SSLKEYLOGFILE)", "notice")


def _protections(view: TlsView) -> Iterator[TlsRow]:
    for label, has, what in (
        ("keys bound", view.extended_master_secret, "to the whole handshake: extended master secret (RFC 7627)"),
        ("renegotiate", view.secure_renegotiation, "securely (RFC 5746)"),
    ):
        if has is not None:
            yield _row(label, what if has else f"NOT {what}", "quoted" if has else "notice")
    if view.octets:
        yield _row("handshake", f"{view.octets:,} octets from the server")
    if view.extensions:
        yield _row("extensions", ", ".join(view.extensions))


def _request(view: TlsView, most: int) -> str:
    if view.requested is None:
        return f"not known whether a certificate is asked of it: {view.why_unknown}"
    if not view.requested:
        return "no certificate is asked of it"
    if not view.authorities:
        whose = "of any authority"
    else:
        whose = f"of one of {len(view.authorities):,} authorities: {_list(view.authorities, most, '; ')}"
        if len(view.authorities) == 1:
            whose = f"of the authority {view.authorities[0]}"
    schemes = f"; signed with {', '.join(view.schemes)}" if most > _FEW and view.schemes else ""
    kinds = f"; keys {', '.join(view.key_types)}" if most > _FEW and view.key_types else ""
    return f"a certificate is asked of it, {whose}{kinds}{schemes}"


def _certificate_in_short(facts: CertificateFacts) -> Iterator[TlsRow]:
    if facts.problem:
        yield _row("certificate", facts.problem, "error")
    else:
        yield _row("certificate", _name(facts))
        yield _row("names", _names(facts, _FEW))
        yield _row("issuer", facts.issuer or "(no issuer)")
        yield _row("valid", _life(facts, 10))
        yield _row("key", f"{facts.key}, certificate signed with {facts.signature}")
    yield _row("SHA-256", facts.sha256)


def _certificate(facts: CertificateFacts) -> Iterator[TlsRow]:
    if facts.problem:
        yield _deep("problem", facts.problem, "error")
    else:
        yield _deep("subject", _name(facts))
        yield _deep("issuer", facts.issuer or "(no issuer)")
        if facts.name_count or facts.authority is not True:
            yield _deep("names", _names(facts, _MANY))
        yield _deep("valid", _life(facts, 16))
        yield _deep("serial", facts.serial)
        yield _deep("key", str(facts.key))
        yield _deep("signature", facts.signature)
        yield _deep("purposes", ", ".join(facts.purposes) or "not limited")
        yield _deep("key usage", ", ".join(facts.usages) or "not limited")
        yield _deep("authority", _authority(facts))
        yield from _rest(facts)
    yield _deep("SHA-256", facts.sha256)
    yield _deep("SHA-1", facts.sha1)
    if facts.key.sha256:
        yield _deep("key pin", facts.key.sha256)


def _rest(facts: CertificateFacts) -> Iterator[TlsRow]:
    lists = (("OCSP at", facts.ocsp), ("CRL at", facts.crls), ("issuer at", facts.issuer_urls))
    for label, values in (*lists, ("problem", facts.odd)):
        if values:
            yield _deep(label, _list(values, _FEW))
    if facts.must_staple:
        yield _deep("must staple", "yes: a server must send an OCSP answer with it (RFC 7633)")
    for label, value in (("key id", facts.subject_key_id), ("issuer's id", facts.issuer_key_id)):
        if value:
            yield _deep(label, value)


def _authority(facts: CertificateFacts) -> str:
    if facts.authority is None:
        return "it does not say"
    if not facts.authority:
        return "no"
    return "yes" if facts.path_length is None else f"yes, with at most {facts.path_length:,} below it"


def _life(facts: CertificateFacts, digits: int) -> str:
    zone = " UTC" if digits > 10 else ""
    begin = day(facts.not_before)[:digits] or "(unknown)"
    end = day(facts.not_after)[:digits] or "(unknown)"
    return f"{begin} to {end}{zone} ({life_of(facts, time.time()) or 'cannot be read'})"


def _names(facts: CertificateFacts, most: int) -> str:
    more = f" and {facts.name_count - most:,} more" if facts.name_count > most else ""
    return (", ".join(facts.names[:most]) or "(none)") + more


def _name(facts: CertificateFacts) -> str:
    return facts.subject or ("(cannot be read)" if facts.problem else "(no subject)")


def _list(values: Iterable[str], most: int, between: str = ", ") -> str:
    values = [*values]
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return between.join(values[:most]) + more


def _verdict(view: TlsView) -> TlsRow:
    if view.outcome == "verified":
        known = any(each.name == "revocation" and each.verdict is Verdict.GOOD for each in view.checks)
        revoked = "" if known else "; whether it was revoked is not known"
        return _row("verified", f"chain, dates, and the name {view.name}{revoked}")
    if view.outcome in ("refused", "failed"):
        return _row("verified", "NO: the connection was closed", "error")
    found = "; nothing is found to be wrong with it" if view.is_good else ""
    return _row("verified", f"NO: --insecure is on, anybody could be at the other end{found}", "notice")


def _row(label: str, text: str, style: str = "quoted") -> TlsRow:
    return TlsRow(f"{_MARGIN}{label:<{_LABEL}}{text}", style)


def _deep(label: str, text: str, style: str = "quoted") -> TlsRow:
    return TlsRow(f"   {label:<12}{text}", style)


def _check(label: str, text: str, style: str) -> TlsRow:
    return TlsRow(f"{_MARGIN * 2}{label:<12}{text}", style)
