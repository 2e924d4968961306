"""Which dialect a file is in, and what is around its lines: chosen from a bounded sample."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.importers import dialects
from smtp_shell.importers.dialect import GUESS, SURE, Dialect, Line, in_words
from smtp_shell.importers.lines import (
    Layers,
    common_indent,
    encoding_of,
    fenced_blocks,
    has_block,
    has_fence,
    is_html,
    is_structured,
    peeled,
    quoted_share,
    raw_lines,
    text_lines,
)
from smtp_shell.importers.marks import COMMAND, REPLY
from smtp_shell.importers.prefixes import learnt
from smtp_shell.importers.rfc import MARKS_AS_OURS, differs_from_ours
from smtp_shell.importers.times import after_time
from smtp_shell.importers.wrapping import width_of
from smtp_shell.transcript.foreign import is_marked, is_transcript

SAMPLE_SIZE: Final = 256 * 1024
"""Octets of a file that the choice is made from."""

_LINES = 1_500  # of the sample, that a dialect is asked about
_QUOTED = 0.25  # share of lines with a quotation mark in a file in which they may be those of a mail
_DEEPEST = 3  # quotation marks in front of a line
_TIMED = 0.15
_MOST_TIMES = 2  # in front of a line: that of a tool, and that of what kept its output


class Choice(Struct, frozen=True):
    """What a file was taken for.

    Args:
        dialect: The dialect.
        certainty: How sure it is, from 0 to 1.
        layers: What is around its lines.
        encoding: The file's encoding, as `lines.encoding_of` says it.
        width: What its lines were broken at; 0 if they were not.
        blocks: What each of its Markdown fences is taken for, where they are not all in one dialect.
    """

    dialect: Dialect
    certainty: float
    layers: Layers
    encoding: str
    width: int = 0
    blocks: tuple[Choice, ...] = ()

    def __str__(self) -> str:
        names = [*dict.fromkeys(choice.dialect.name for choice in self.blocks)] or [self.dialect.name]
        broken = f", its lines broken at {self.width} columns and joined" if self.width else ""
        return f"{' and '.join(names)} ({in_words(self.certainty)}){broken}"


def choose(sample: bytes) -> Choice | None:
    """Return what a file is to be taken for; None for a transcript, right or wrong, and where nothing is likely enough.

    Args:
        sample: The file's first octets, `SAMPLE_SIZE` of them if it has as many.
    """
    encoding = encoding_of(sample)
    own = is_transcript(sample.decode(encoding, "replace").encode("utf-8", "replace") if encoding else sample)
    if own:
        return None
    best = _best(sample, encoding, [*dialects().values()])
    if best is None or best.certainty < (GUESS if own is False else SURE):
        return None
    if own is not False and best.dialect.name == MARKS_AS_OURS and not _differs(sample, best):
        return None
    return _closer(sample, best)


def _closer(sample: bytes, choice: Choice) -> Choice:
    """Return a choice with what can only be told once the dialect is known."""
    if choice.dialect.sniff is None:
        return choice
    lines = [*islice(text_lines(raw_lines(io.BytesIO(sample), choice.encoding)), _LINES)]
    if has_fence(lines):
        bare = peeled(lines, replace(choice.layers, fenced=False, indent=0, timed=0, prefix=""))
        texts = [dialect for dialect in dialects().values() if dialect.sniff]
        found = [_best_of([*block], choice.encoding, texts) for block in fenced_blocks(bare)]
        blocks = tuple(each if each and each.certainty >= SURE else choice for each in found)
        if len({each.dialect.name for each in blocks}) > 1:
            return replace(choice, blocks=blocks)
    if choice.dialect.marks is None:
        return choice
    return replace(choice, width=width_of([*peeled(lines, choice.layers)], choice.dialect.marks))


def _differs(sample: bytes, choice: Choice) -> bool:
    """Return whether a file with the marks of a transcript is another tool's."""
    if choice.layers.fenced or choice.layers.blocks or choice.layers.quoted or choice.layers.timed:
        return True
    lines = [*islice(text_lines(raw_lines(io.BytesIO(sample), choice.encoding)), _LINES)]
    return differs_from_ours(lines) or _is_around_prose(lines)


def _is_around_prose(lines: Sequence[Line]) -> bool:
    """Return whether words are before or behind what is marked: none of a transcript's lines, not even ones that have lost their marks."""
    texts = [line.text.strip() for line in lines]
    while texts and not texts[-1]:
        texts.pop()
    first = next(filter(None, texts), "")
    if first and _is_prose(first):
        return True
    last = texts[len(texts) - texts[::-1].index("") :] if "" in texts else []
    return bool(last) and all(map(_is_prose, last)) and " " in last[0]


def _is_prose(text: str) -> bool:
    return not is_marked(text) and not REPLY.match(text) and not COMMAND.match(text)


def named(sample: bytes, name: str) -> Choice:
    """Return how a file is to be read as a dialect that the user has named.

    Args:
        sample: The file's first octets.
        name: The dialect.
    """
    dialect = dialects()[name]
    encoding = encoding_of(sample)
    return _best(sample, encoding, [dialect]) or Choice(dialect, 0.0, Layers(), encoding)


def _best(sample: bytes, encoding: str, asked: Sequence[Dialect]) -> Choice | None:
    best: Choice | None = None
    for dialect in asked:
        if dialect.sniff_octets is not None:
            best = _better(best, Choice(dialect, dialect.sniff_octets(sample), Layers(), encoding))
    for keeps_cr in sorted({dialect.keeps_cr for dialect in asked if dialect.sniff}):
        all_lines = text_lines(raw_lines(io.BytesIO(sample), encoding), keeps_cr=keeps_cr)
        reading = [dialect for dialect in asked if dialect.keeps_cr == keeps_cr]
        found = _best_of([*islice(all_lines, _LINES)], encoding, reading)
        best = _better(best, found) if found is not None else best
    return best


def _best_of(lines: list[Line], encoding: str, asked: Sequence[Dialect]) -> Choice | None:
    best: Choice | None = None
    html = is_html(lines)
    variants = chain(_variants(lines), _variants([*peeled(lines, Layers(html=True))], html=True) if html else ())
    for layers, found in variants:
        for dialect in asked:
            if dialect.sniff is None or (dialect.keeps_times and layers.timed):
                continue
            if html and layers.html == dialect.reads_html:
                continue
            best = _better(best, Choice(dialect, dialect.sniff(found), layers, encoding))
    return best


def _better(best: Choice | None, other: Choice) -> Choice:
    """Return the surer one of two. Of the same dialect, the one whose times are known, if it is as sure."""
    if best is None or other.certainty > best.certainty:
        return other
    timed = other.dialect is best.dialect and other.layers.timed > best.layers.timed
    return other if timed and other.certainty == best.certainty > 0 else best


def _variants(lines: list[Line], *, html: bool = False) -> Iterator[tuple[Layers, list[Line]]]:
    """Yield what may be around the lines, with the lines without it; the least first."""
    fences = [(False, False)]
    fences += [(True, False)] if has_fence(lines) else []
    fences += [(False, True)] if has_block(lines) else []
    depths = range(_DEEPEST + 1) if quoted_share(lines) >= _QUOTED else range(1)
    structures = (False, True) if is_structured(lines) else (False,)
    for structured, (fenced, blocks), depth in product(structures, fences, depths):
        inner = [*peeled(lines, Layers(structured, fenced, blocks, depth))]
        if not inner:
            continue
        indent = common_indent(inner)
        unindented = [*peeled(inner, Layers(indent=indent))]
        layers = Layers(structured, fenced, blocks, depth, indent=indent, html=html)
        yield layers, unindented
        front = learnt(line.text for line in unindented)
        if front is not None and front.prefix:
            yield replace(layers, prefix=front.prefix), [*peeled(unindented, Layers(prefix=front.prefix))]
        for timed in range(1, _MOST_TIMES + 1):
            if _timed_share(unindented) < _TIMED:
                break
            unindented = [*peeled(unindented, Layers(timed=1))]
            yield replace(layers, timed=timed), unindented


def _timed_share(lines: Iterable[Line]) -> float:
    found = [after_time(line.text) is not None for line in lines if line.text.strip()]
    return sum(found) / len(found) if found else 0.0
