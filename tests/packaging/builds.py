"""Whether a build is the same octets wherever, whenever and by whomever it is made, and holds what it must and nothing else.

The builds are made with the hatchling that is installed, without a network, in copies of what git knows.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.packaging.declared import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# hatchling's own moment, which it writes where SOURCE_DATE_EPOCH does not say another.
MOMENT = "1580601600"
_BUILD = (
    "import os, sys; os.umask(int(sys.argv[3], 8)); import hatchling.build as backend;"
    "print(getattr(backend, 'build_' + sys.argv[1])(sys.argv[2]))"
)
_SECONDS = 120
# Variables by which one builder differs from another. Those of the caller are not handed on.
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP")


@dataclass(frozen=True, slots=True)
class Builder:
    """One way to build: where, when and as whom.

    Args:
        name: Of its folder.
        umask: For the files that are copied and written.
        mtime: Seconds since 1970 that each file of the copy has.
        backwards: Whether the files are created in reverse order, which is the order that some file systems list them in.
        environment: Variables, beside the path.
    """

    name: str
    umask: int = 0o022
    mtime: int = 1_700_000_000
    backwards: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


PLAIN = Builder("plain")
BUILDERS = (
    PLAIN,
    Builder("deep/er in another folder", umask=0o077, mtime=1_000_000_000, backwards=True),
    Builder("turkish", umask=0o002, mtime=1_900_000_000, environment={"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr"}),
    Builder("kiritimati", environment={"TZ": "Pacific/Kiritimati", "HOME": "/nonexistent", "USER": "nobody"}),
    Builder("hashes", environment={"PYTHONHASHSEED": "4711", "PYTHONUTF8": "0", "LC_ALL": "C"}),
    Builder("dated", environment={"SOURCE_DATE_EPOCH": MOMENT}),
)


class NotBuilt(Exception):
    """A build failed; the message has its output."""


def tracked() -> list[str]:
    """Return the files that git knows, by their names below the root.

    Raises:
        NotBuilt: This is no git checkout.
    """
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60, check=False)
    if listing.returncode:
        raise NotBuilt("a build is compared with what git knows, and this is no git checkout")
    return sorted(name for name in os.fsdecode(listing.stdout).split("\0") if name and (ROOT / name).is_file())


def copy_tree(builder: Builder, folder: Path) -> Path:
    """Copy what git knows into a folder of the builder's, with his modes and times."""
    tree = folder / builder.name
    before = os.umask(builder.umask)
    try:
        for name in sorted(tracked(), reverse=builder.backwards):
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
            if os.access(ROOT / name, os.X_OK):
                target.chmod(stat.S_IMODE(target.stat().st_mode) | 0o100)
            os.utime(target, (builder.mtime, builder.mtime))
    finally:
        os.umask(before)
    return tree


def build(kind: str, tree: Path, out: Path, builder: Builder = PLAIN) -> Path:
    """Build a `wheel` or an `sdist` of a tree.

    Raises:
        NotBuilt: It failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
    run = subprocess.run(
        [sys.executable, "-c", _BUILD, kind, str(out), oct(builder.umask)[2:]],
        cwd=tree,
        env=environment | dict(builder.environment),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if run.returncode:
        raise NotBuilt(run.stderr.strip()[-3000:])
    return out / run.stdout.strip().rpartition("\n")[2]


def unpack(source: Path, folder: Path) -> Path:
    """Unpack a source distribution, and return the folder that it holds."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_of_wheel(names: Sequence[str], version: str) -> list[str]:
    """Return what a wheel must hold, from what git knows: the package, the lessons, and its own papers."""
    papers = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]
    return sorted(
        [name for name in names if name.startswith("smtp_shell/")]
        + [f"smtp_shell/study/{name}" for name in names if name.startswith("transcripts/")]
        + [f"smtp_shell-{version}.dist-info/{name}" for name in papers]
    )


def files_of_sdist(names: Sequence[str]) -> list[str]:
    """Return what a source distribution must hold, from what git knows."""
    folders = ("smtp_shell/", "tests/", "transcripts/", ".assets/")
    single = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore"}
    return sorted([name for name in names if name.startswith(folders) or name in single] + ["PKG-INFO"])


def wrong_in_wheel(wheel: Path, expected: Sequence[str]) -> list[str]:
    """Return what is wrong in a wheel: a file too many or too few, a mode, a time, or a row of RECORD."""
    wrong = []
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
        contents = {entry.filename: archive.read(entry) for entry in entries}
    if len(contents) != len(entries):
        wrong.append("a name occurs twice")
    wrong += _compared(list(contents), expected)
    for entry in entries:
        mode = entry.external_attr >> 16
        # A wheel of hatchling has no kind of file in the mode of its papers.
        if stat.S_IMODE(mode) != 0o644 or stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
            wrong.append(f"{entry.filename}: its mode is {mode:o}")
        if entry.date_time != entries[0].date_time:
            wrong.append(f"{entry.filename}: it has another time")
    return wrong + _wrong_in_record(contents)


def _wrong_in_record(contents: Mapping[str, bytes]) -> list[str]:
    (name,) = (each for each in contents if each.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(io.StringIO(contents[name].decode("utf-8"))))
    recorded = {path: (hashed, size) for path, hashed, size in rows}
    wrong = [f"RECORD: {each}" for each in _compared([path for path, *_ in rows], list(contents))]
    for path, octets in contents.items():
        hashed = base64.urlsafe_b64encode(hashlib.sha256(octets).digest()).rstrip(b"=").decode("ascii")
        right = ("", "") if path == name else (f"sha256={hashed}", str(len(octets)))
        if path in recorded and recorded[path] != right:
            wrong.append(f"RECORD: {path} is not what it says")
    return wrong


def wrong_in_sdist(source: Path, expected: Sequence[str]) -> list[str]:
    """Return what is wrong in a source distribution: a file too many or too few, a mode, an owner, a time, a place outside."""
    with tarfile.open(source) as archive:
        members = archive.getmembers()
    root = source.name.removesuffix(".tar.gz") + "/"
    wrong = [f"{each.name}: it is outside {root}" for each in members if not each.name.startswith(root)]
    wrong += _compared([each.name.removeprefix(root) for each in members], expected)
    for each in members:
        if not each.isreg() or each.mode not in {0o644, 0o755}:
            wrong.append(f"{each.name}: its mode is {each.mode:o}, its kind {each.type!r}")
        if (each.uid, each.gid, each.uname, each.gname) != (0, 0, "", ""):
            wrong.append(f"{each.name}: it names its builder, {each.uname or each.uid}")
        if each.mtime != members[0].mtime:
            wrong.append(f"{each.name}: it has another time")
    return wrong


def _compared(found: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Return each name that is too many, too few, or there twice."""
    wrong = [f"{name}: it does not belong there" for name in sorted(set(found) - set(expected))]
    wrong += [f"{name}: it is missing" for name in sorted(set(expected) - set(found))]
    return wrong + [f"{name}: it is there twice" for name in sorted({each for each in found if found.count(each) > 1})]


def version_of(wheel: Path) -> str:
    """Return the version in the name of a wheel."""
    return wheel.name.split("-")[1]


def wrong_in_release(wheel: Path, source: Path) -> list[str]:
    """Return what is wrong in a wheel and a source distribution that were built of this checkout."""
    names = tracked()
    wrong = wrong_in_wheel(wheel, files_of_wheel(names, version_of(wheel)))
    return wrong + wrong_in_sdist(source, files_of_sdist(names))


def differing(folder: Path, builders: Sequence[Builder] = BUILDERS) -> dict[str, list[str]]:
    """Build as each builder, and return what differs from the build of the first: builder -> the kinds.

    The wheel is built of the tree, and of the unpacked source distribution of the same builder.
    """
    right: dict[str, str] = {}
    different: dict[str, list[str]] = {}
    for number, builder in enumerate(builders):
        tree = copy_tree(builder, folder / str(number))
        out = folder / str(number) / "out"
        source = build("sdist", tree, out, builder)
        again = unpack(source, folder / str(number) / "unpacked")
        built = {
            "sdist": digest(source),
            "wheel": digest(build("wheel", tree, out, builder)),
            "wheel of the sdist": digest(build("wheel", again, out / "again", builder)),
        }
        right = right or {"sdist": built["sdist"], "wheel": built["wheel"], "wheel of the sdist": built["wheel"]}
        kinds = [kind for kind, value in built.items() if value != right[kind]]
        if kinds:
            different[builder.name] = kinds
        shutil.rmtree(tree)
    return different
