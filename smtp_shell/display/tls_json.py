"""A TLS connection as an object for other programs: what `/tls --json` writes. Absent values are left out."""

from __future__ import annotations

import time
from base64 import encodebytes
from typing import TYPE_CHECKING

from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_view import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.net.certificate_facts import CertificateFacts
    from smtp_shell.net.chain_checks import Check
    from smtp_shell.net.staples import Staple
    from smtp_shell.net.tls_view import TlsView


def tls_object(view: TlsView) -> dict[str, object]:
    """Return the object for a TLS connection."""
    chain = view.chain
    links = [
        {"sent": link.sent, **_some({"trusted_in": link.place}), **certificate_object(link.facts)}
        for link in chain.links
    ]
    unknown = {name: known.why for name, known in _knowns(view) if known.why}
    if view.requested is None:
        unknown["client_certificate_requested"] = view.why_unknown
    return {
        "what": "tls",
        "name": view.name,
        "outcome": view.outcome,
        **_some(
            {
                "reason": view.reason,
                "failed_check": view.failed_check,
                "version": view.version,
                "cipher": view.cipher,
                "bits": view.bits or None,
                **{name: known.value for name, known in _knowns(view)},
                "alpn": view.alpn,
                "resumed": view.resumed,
                "compression": view.compression,
                "extended_master_secret": view.extended_master_secret,
                "secure_renegotiation": view.secure_renegotiation,
                "handshake_octets": view.octets or None,
                "client_certificate_requested": view.requested,
                "client_authorities": list(view.authorities),
                "client_schemes": list(view.schemes),
                "client_key_types": list(view.key_types),
                "extensions": list(view.extensions),
                "pin": f"SHA256:{view.pin}" if view.pin else "",
                "key_log": view.key_log,
                "staple": None if view.staple is None else staple_object(view.staple),
            }
        ),
        "trusted": chain.trusted,
        "in_order": chain.in_order,
        "chain": links,
        **_some({"unused": [certificate_object(each) for each in chain.unused]}),
        "checks": [check_object(each) for each in view.checks],
        **_some({"not_known": unknown}),
        "exit_status": TlsFailed.exit_status if view.outcome in ("refused", "failed") else 0,
    }


def certificate_object(facts: CertificateFacts) -> dict[str, object]:
    """Return the object for a certificate."""
    return _some(
        {
            "problem": facts.problem,
            "subject": facts.subject,
            "issuer": facts.issuer,
            "names": list(facts.names),
            "name_count": facts.name_count or None,
            "not_before": moment(facts.not_before),
            "not_after": moment(facts.not_after),
            "days_left": facts.days_left(),
            "serial": facts.serial,
            "version": facts.version or None,
            "key": _some(
                {
                    "kind": facts.key.kind,
                    "bits": facts.key.bits or None,
                    "curve": facts.key.curve,
                    "sha256": facts.key.sha256,
                }
            ),
            "signature": facts.signature,
            "sha256": facts.sha256,
            "sha1": facts.sha1,
            "purposes": list(facts.purposes),
            "usages": list(facts.usages),
            "authority": facts.authority,
            "path_length": facts.path_length,
            "subject_key_id": facts.subject_key_id,
            "issuer_key_id": facts.issuer_key_id,
            "ocsp": list(facts.ocsp),
            "crls": list(facts.crls),
            "issuer_urls": list(facts.issuer_urls),
            "must_staple": facts.must_staple or None,
            "odd": list(facts.odd),
            "pem": pem(facts.der),
        }
    )


def staple_object(staple: Staple) -> dict[str, object]:
    """Return the object for an OCSP answer."""
    return _some(
        {
            "status": staple.status,
            "problem": staple.problem,
            "reason": staple.reason,
            "revoked_at": moment(staple.revoked_at),
            "produced_at": moment(staple.produced_at),
            "this_update": moment(staple.this_update),
            "next_update": moment(staple.next_update),
            "responder": staple.responder,
            "signature_hash": staple.signature_hash,
            "serial": staple.serial,
            "octets": staple.octets,
        }
    )


def check_object(check: Check) -> dict[str, object]:
    """Return the object for a check."""
    return {"check": check.name, "verdict": check.verdict.value, "text": check.text, **_some({"do": check.do})}


def moment(seconds: int | None) -> str | None:
    """Return a moment in the form of RFC 3339; None where it is not known."""
    if seconds is None:
        return None
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return None


def pem(der: bytes) -> str:
    """Return a certificate in PEM form; empty for none."""
    if not der:
        return ""
    body = encodebytes(der).decode("ascii").replace("\n", "")
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _knowns(view: TlsView) -> tuple[tuple[str, Known], ...]:
    return (("group", view.group), ("scheme", view.scheme), ("ticket", view.ticket))


def _some(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are there: no empty text, no empty list, and no None. A number is there, be it zero."""
    return {name: value for name, value in values.items() if isinstance(value, int) or value not in (None, "", [], {})}
