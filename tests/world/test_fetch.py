"""Fetching: exact bytes, nothing outside the folder, nothing half done."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from trimtab.errors import ConfigError
from trimtab.world.artifacts import Artifacts, missing_files
from trimtab.world.fetch import (
    Package,
    check_integrity,
    fetch_packages,
    load_packages,
    missing_packages,
    unpack,
)

_NPM = """#!{python}
import pathlib, shutil, sys
assert sys.argv[1:] == ["pack", "@x/y@1.0.0", "--json", "--ignore-scripts", "--silent"], sys.argv
{body}
"""


def _tarball(path: Path, *members: tuple[str, bytes | Callable[[tarfile.TarInfo], None]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                content(info)
                archive.addfile(info)
    return path


def _package(tarball: Path | None = None, keep: tuple[str, ...] = ("*",)) -> Package:
    digest = hashlib.sha512(tarball.read_bytes()).digest() if tarball else b""
    return Package("@x/y", "1.0.0", f"sha512-{base64.b64encode(digest).decode()}", keep)


def _manifest(version: str = "1.0.0") -> tuple[str, bytes]:
    return "package/package.json", json.dumps({"name": "@x/y", "version": version}).encode()


def _symlink(info: tarfile.TarInfo) -> None:
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"


def _hardlink(info: tarfile.TarInfo) -> None:
    info.type, info.linkname = tarfile.LNKTYPE, "../../outside"


def _device(info: tarfile.TarInfo) -> None:
    info.type = tarfile.CHRTYPE


def test_only_needed_files_are_kept(tmp_path: Path) -> None:
    """Files outside the list are left in the tarball; the leading folder of npm's tarballs is dropped."""
    tarball = _tarball(
        tmp_path / "t.tgz", _manifest(), ("package/a/b.json", b"1"), ("package/install.js", b"evil()")
    )
    dest = tmp_path / "node_modules"
    assert unpack(tarball, _package(keep=("package.json", "a/*")), dest) == 2
    files = sorted(str(p.relative_to(dest)) for p in dest.rglob("*") if p.is_file())
    assert files == ["@x/y/a/b.json", "@x/y/package.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package/../../../outside", b"x"),
        ("../outside", b"x"),
        ("/outside", b"x"),
        ("package/..\\outside", b"x"),
        ("package/link", _symlink),
        ("package/link", _hardlink),
        ("package/device", _device),
    ],
)
def test_nothing_leaves_the_folder(
    tmp_path: Path, name: str, content: bytes | Callable[[tarfile.TarInfo], None]
) -> None:
    """Paths upwards or absolute, links and devices are refused, and what was there before stays as it was."""
    dest = tmp_path / "node_modules"
    unpack(_tarball(tmp_path / "good.tgz", _manifest(), ("package/old", b"old")), _package(), dest)
    bad = _tarball(tmp_path / "bad.tgz", _manifest(), ("package/new", b"new"), (name, content))
    with pytest.raises(ConfigError, match="not a plain file inside the package"):
        unpack(bad, _package(), dest)
    assert {p.name for p in (dest / "@x").iterdir()} == {"y"}
    assert {p.name for p in (dest / "@x/y").iterdir()} == {"package.json", "old"}
    assert {p.name for p in tmp_path.iterdir()} == {"node_modules", "good.tgz", "bad.tgz"}


@pytest.mark.parametrize("content", [b"", b"not a tarball", b"\x1f\x8b\x08\x00cut short"])
def test_a_damaged_tarball_is_told(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no tarball are an error with what to do, and leave nothing behind."""
    tarball = tmp_path / "t.tgz"
    tarball.write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        unpack(tarball, _package(), tmp_path / "node_modules")
    assert not list((tmp_path / "node_modules").rglob("*.json"))


def test_a_tarball_without_a_manifest_is_told(tmp_path: Path) -> None:
    """A package has a package.json, or it is none."""
    tarball = _tarball(tmp_path / "t.tgz", ("package/a.json", b"1"))
    with pytest.raises(ConfigError, match=r"no package\.json"):
        unpack(tarball, _package(), tmp_path / "node_modules")


def test_another_content_is_refused(tmp_path: Path) -> None:
    """One byte of difference breaks the hash."""
    tarball = _tarball(tmp_path / "t.tgz", _manifest())
    package = _package(tarball)
    check_integrity(tarball, package)
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    with pytest.raises(ConfigError, match="another content than the pinned one"):
        check_integrity(tarball, package)


def _fake_npm(folder: Path, body: str) -> None:
    npm = folder / "npm"
    npm.write_text(_NPM.format(python=sys.executable, body=body))
    npm.chmod(0o755)


async def test_from_npm_to_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """npm is asked for the exact version without running scripts; its tarball is checked and unpacked."""
    tarball = _tarball(tmp_path / "t.tgz", _manifest(), ("package/a.json", b"1"))
    _fake_npm(tmp_path, f"shutil.copy({str(tarball)!r}, 'x-y-1.0.0.tgz')")
    monkeypatch.setenv("PATH", str(tmp_path))
    done: list[str] = []
    dest = tmp_path / "node_modules"
    await fetch_packages(dest, [_package(tarball)], on_done=lambda package: done.append(package.name))
    assert done == ["@x/y"]
    assert (dest / "@x/y/a.json").read_bytes() == b"1"


async def test_npm_delivers_something_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tarball with another hash than the pinned one never reaches the folder."""
    tarball = _tarball(tmp_path / "t.tgz", _manifest())
    _fake_npm(tmp_path, f"shutil.copy({str(tarball)!r}, 'x-y-1.0.0.tgz')")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="another content"):
        await fetch_packages(tmp_path / "node_modules", [_package()])
    assert not (tmp_path / "node_modules").exists()


async def test_npm_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """npm's own words are in the error."""
    _fake_npm(tmp_path, "sys.exit('npm error code ENOTFOUND')")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"could not deliver @x/y@1\.0\.0: npm error code ENOTFOUND"):
        await fetch_packages(tmp_path / "node_modules", [_package()])


async def test_no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without npm the error says what to install; with nothing to fetch it is not needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="install node 18 or newer"):
        await fetch_packages(tmp_path, [_package()])
    await fetch_packages(tmp_path, [])


def test_what_is_missing(tmp_path: Path) -> None:
    """The folder that the tests run on lacks nothing; an empty one everything; another version, or a
    package without a file that we need, counts as missing."""
    root = Artifacts.find().root
    packages = load_packages()
    assert missing_packages(root) == []
    assert missing_packages(tmp_path) == list(packages)
    manifest = tmp_path / packages[0].name / "package.json"
    manifest.parent.mkdir(parents=True)
    for content in ("{", "[]", json.dumps({"version": "0"}), json.dumps({"version": packages[0].version})):
        manifest.write_text(content)
        assert packages[0] in missing_packages(tmp_path)


def test_a_folder_of_an_older_trimtab_is_completed(tmp_path: Path) -> None:
    """A package of which an earlier version of us needed less counts as missing, the others do not; what is
    unpacked over it makes it whole."""
    root, dest = Artifacts.find().root, tmp_path / "node_modules"
    packages = {package.name: package for package in load_packages()}
    aave = packages["@aave/core-v3"]
    tokens = [p for p in aave.keep if "mocks/tokens" in p or p == "package.json"]
    for package in packages.values():
        kept = missing_files(tmp_path, package.name)
        ours = (
            [f"{aave.name}/{p}" for p in tokens]
            if package == aave
            else [*kept, f"{package.name}/package.json"]
        )
        for path in ours:
            (dest / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, dest / path)
    assert missing_packages(dest) == [aave]
    whole = [(f"package/{path}", (root / aave.name / path).read_bytes()) for path in aave.keep]
    unpack(_tarball(tmp_path / "t.tgz", *whole), aave, dest)
    assert missing_packages(dest) == []
    assert Artifacts.find([dest]).root == dest


def test_the_pins_cover_what_is_loaded(tmp_path: Path) -> None:
    """Every pin is an exact version with a sha512, and its list of kept files covers all artifacts."""
    packages = {package.name: package for package in load_packages()}
    for package in packages.values():
        assert package.integrity.startswith("sha512-")
        assert package.version[0].isdigit()
        assert "package.json" in package.keep
    for path in missing_files(tmp_path):
        name = "/".join(path.split("/")[:2])
        inside = path.removeprefix(f"{name}/")
        assert any(fnmatchcase(inside, pattern) for pattern in packages[name].keep), path
