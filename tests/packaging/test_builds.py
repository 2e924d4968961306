"""Builds: the same octets for every builder, what must be in them and nothing else, and that a difference would be seen."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging import builds
from tests.packaging.builds import Builder, NotBuilt

OTHER = Builder(
    "deep/er in another folder",
    umask=0o077,
    mtime=1_000_000_000,
    backwards=True,
    environment={"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "HOME": "/nonexistent", "PYTHONHASHSEED": "4711"},
)
LATER = Builder("later", environment={"SOURCE_DATE_EPOCH": "1700000000"})


@pytest.fixture(scope="module")
def names() -> list[str]:
    try:
        return builds.tracked()
    except NotBuilt as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> tuple[Path, Path]:
    """Build a wheel and a source distribution."""
    assert "pyproject.toml" in names
    folder = tmp_path_factory.mktemp("release")
    tree = builds.copy_tree(builds.PLAIN, folder)
    return builds.build("wheel", tree, folder / "out"), builds.build("sdist", tree, folder / "out")


@pytest.mark.usefixtures("names")
def test_two_builders_make_the_same_octets(tmp_path: Path) -> None:
    assert builds.differing(tmp_path, (builds.PLAIN, OTHER)) == {}


@pytest.mark.usefixtures("names")
def test_a_builder_who_makes_other_octets_is_found(tmp_path: Path) -> None:
    found = builds.differing(tmp_path, (builds.PLAIN, LATER))
    assert found == {"later": ["sdist", "wheel", "wheel of the sdist"]}


def test_another_date_changes_the_dates_only(tmp_path: Path, release: tuple[Path, Path]) -> None:
    tree = builds.copy_tree(LATER, tmp_path)
    wheel = builds.build("wheel", tree, tmp_path / "out", LATER)
    with zipfile.ZipFile(wheel) as later, zipfile.ZipFile(release[0]) as plain:
        assert [each.filename for each in later.infolist()] == [each.filename for each in plain.infolist()]
        assert {name for name in plain.namelist() if plain.read(name) != later.read(name)} == set()
        assert {each.date_time for each in later.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def test_a_release_holds_what_git_knows_and_nothing_else(release: tuple[Path, Path]) -> None:
    assert builds.wrong_in_release(*release) == []
    with zipfile.ZipFile(release[0]) as archive:
        inside = archive.namelist()
    assert "smtp_shell/py.typed" in inside
    assert "smtp_shell/study/transcripts/README.md" in inside
    assert not [name for name in inside if "/test_" in name or "__pycache__" in name or name.startswith("tests/")]


def test_what_tools_leave_in_a_checkout_stays_out(tmp_path: Path, release: tuple[Path, Path]) -> None:
    tree = builds.copy_tree(builds.PLAIN, tmp_path)
    for name in ("smtp_shell/__pycache__/errors.cpython-311.pyc", ".venv/bin/python", "dist/old.whl", ".coverage.host"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"left")
    for folder in ("transcripts", "tests/unit", "smtp_shell/shell"):
        (tree / folder / "__pycache__").mkdir()
        (tree / folder / "__pycache__" / "module.cpython-311.pyc").write_bytes(b"left")
    out = tmp_path / "out"
    again = builds.build("wheel", tree, out), builds.build("sdist", tree, out)
    assert [builds.digest(path) for path in again] == [builds.digest(path) for path in release]


def test_a_stray_file_in_a_release_is_found(tmp_path: Path, names: list[str]) -> None:
    tree = builds.copy_tree(builds.PLAIN, tmp_path)
    for name in ("smtp_shell/notes.txt", "transcripts/.lesson.smtp.swp"):
        (tree / name).write_text("left", encoding="utf-8")
    wheel = builds.build("wheel", tree, tmp_path / "out")
    assert builds.wrong_in_wheel(wheel, builds.files_of_wheel(names, builds.version_of(wheel))) == [
        "smtp_shell/notes.txt: it does not belong there",
        "smtp_shell/study/transcripts/.lesson.smtp.swp: it does not belong there",
    ]


def _altered(wheel: Path, target: Path, *, contents: dict[str, bytes], mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(target, "w") as after:
        for each in before.infolist():
            entry = zipfile.ZipInfo(each.filename, each.date_time)
            entry.external_attr = (mode if each.filename in contents else 0o100644) << 16
            after.writestr(entry, contents.get(each.filename, before.read(each)))
    return target


def test_a_wheel_that_was_altered_is_found(tmp_path: Path, names: list[str], release: tuple[Path, Path]) -> None:
    expected = builds.files_of_wheel(names, builds.version_of(release[0]))
    target = tmp_path / release[0].name
    altered = _altered(release[0], target, contents={"smtp_shell/errors.py": b"import os\n"}, mode=0o100755)
    assert builds.wrong_in_wheel(altered, expected) == [
        "smtp_shell/errors.py: its mode is 100755",
        "RECORD: smtp_shell/errors.py is not what it says",
    ]
    record = f"smtp_shell-{builds.version_of(target)}.dist-info/RECORD"
    with zipfile.ZipFile(release[0]) as archive:
        rows = archive.read(record).splitlines(keepends=True)
    altered = _altered(release[0], target, contents={record: b"".join(rows[1:])})
    assert builds.wrong_in_wheel(altered, expected) == ["RECORD: smtp_shell/__init__.py: it is missing"]


def test_a_source_distribution_that_names_its_builder_is_found(tmp_path: Path, release: tuple[Path, Path]) -> None:
    target = tmp_path / release[1].name
    root = target.name.removesuffix(".tar.gz")
    with tarfile.open(target, "w:gz") as archive:
        for name, mode in ((f"{root}/PKG-INFO", 0o600), ("elsewhere", 0o644)):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.uname, entry.size = mode, "ann", 1
            archive.addfile(entry, io.BytesIO(b"x"))
    assert builds.wrong_in_sdist(target, ["PKG-INFO"]) == [
        f"elsewhere: it is outside {root}/",
        "elsewhere: it does not belong there",
        f"{root}/PKG-INFO: its mode is 600, its kind b'0'",
        f"{root}/PKG-INFO: it names its builder, ann",
        "elsewhere: it names its builder, ann",
    ]


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    with pytest.raises(NotBuilt, match="version"):
        builds.build("wheel", tmp_path, tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_copy_has_the_modes_and_times_of_its_builder(tmp_path: Path, names: list[str]) -> None:
    before = os.umask(0o022)
    os.umask(before)
    tree = builds.copy_tree(OTHER, tmp_path)
    status = (tree / "pyproject.toml").stat()
    assert (status.st_mode & 0o777, int(status.st_mtime)) == (0o600, OTHER.mtime)
    assert len(names) == sum(path.is_file() for path in tree.rglob("*"))
    assert os.umask(before) == before
