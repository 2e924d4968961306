"""The licence of a distribution as an SPDX expression, and whether we may stand on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

# What asks no more of a user than a notice, and the MPL, which asks for the source of its own files only.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "ZPL-2.1",
        "Zlib",
    }
)
# Compiled where they are installed, which not every machine can do, so that their metadata is not looked at.
COMPILED = ("gssapi", "krb5")
# Not in the metadata of these, or in words that stand for several licences: read in the files that they bring.
READ_BY_HAND = {"atheris": "Apache-2.0", "gssapi": "ISC", "krb5": "MIT"}
# Tools of the tests and of the release, which nobody gets with the package: what they demand is demanded of who hands them on.
# docutils has one file for Emacs under the GPL.
TOOLS_ONLY = {"docutils": "BSD-2-Clause AND GPL-3.0-or-later", "pyte": "LGPL-3.0-only"}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    # Two or three clauses: both are allowed.
    "BSD License": "BSD-3-Clause",
}
_IN_WORDS = {"apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "mit license": "MIT", "isc license": "ISC"}


def licence_of(name: str, metadata: PackageMetadata) -> str:
    """Return the SPDX expression of a distribution, or an empty string where its metadata has none that can be read."""
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    for field in ("License-Expression", "License"):
        words = (metadata.get_all(field) or [""])[0].strip()
        try:
            return str(canonicalize_license_expression(_IN_WORDS.get(words.lower(), words)))
        except InvalidLicenseExpression:
            continue
    # Several classifiers may mean that one can choose, or that parts differ: the careful reading is that all bind.
    found = [
        _CLASSIFIERS.get(each.rpartition(" :: ")[2], "")
        for each in metadata.get_all("Classifier") or []
        if each.startswith("License :: OSI Approved ::")
    ]
    return " AND ".join(sorted(set(found))) if found and all(found) else ""


def _parts(expression: str, operator: str) -> list[str]:
    """Return the operands of an operator that are in no parenthesis of this expression."""
    parts, depth = [""], 0
    for word in re.findall(r"[()]|[^\s()]+", expression):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == operator and depth == 0:
            parts.append("")
        else:
            parts[-1] += f" {word}"
    return [part.strip() for part in parts]


def is_allowed(expression: str) -> bool:
    """Whether all that an SPDX expression demands is allowed: one side of each OR, and both of each AND."""
    for operator, enough in (("OR", any), ("AND", all)):
        parts = _parts(expression, operator)
        if len(parts) > 1:
            return enough(map(is_allowed, parts))
    if expression.startswith("(") and expression.endswith(")"):
        return is_allowed(expression[1:-1].strip())
    return expression in ALLOWED
