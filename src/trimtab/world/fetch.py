"""Fetches the protocols' npm packages: exact versions, checked by hash, unpacked without running anything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path, PurePosixPath

from trimtab.errors import ConfigError
from trimtab.world.artifacts import missing_files

_NPM_SECONDS = 300.0
_MAX_FILE_BYTES = 64 * 2**20
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: its exact version, npm's integrity string (sha512), and which files we need."""

    name: str
    version: str
    integrity: str
    keep: tuple[str, ...]


def load_packages() -> tuple[Package, ...]:
    """The packages of both protocols, as packages.json pins them."""
    table = json.loads((files("trimtab.world") / "packages.json").read_text(encoding="utf-8"))
    return tuple(Package(n, p["version"], p["integrity"], tuple(p["keep"])) for n, p in table.items())


async def fetch_packages(
    dest: Path,
    packages: Sequence[Package],
    *,
    on_done: Callable[[Package], None] | None = None,
) -> None:
    """Put packages into `dest` (a node_modules folder), a few at a time, in place of what is there.
    Raises `ConfigError` when npm is missing or fails, or when a package is not the one that was pinned."""
    npm = shutil.which("npm")
    if packages and npm is None:
        raise ConfigError(
            "npm is not on PATH: install node 18 or newer, which brings it, "
            "and run `trimtab world fetch` again"
        )
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetch_one(package: Package) -> None:
        async with gate:
            await _fetch(str(npm), dest, package)
        if on_done is not None:
            on_done(package)

    try:
        async with asyncio.TaskGroup() as group:
            for package in packages:
                group.create_task(fetch_one(package))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def missing_packages(dest: Path) -> list[Package]:
    """Those of which `dest` has another version, or not every file that we need."""
    return [package for package in load_packages() if not _is_installed(dest, package)]


def _is_installed(dest: Path, package: Package) -> bool:
    manifest = dest / package.name / "package.json"
    try:
        version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return version == package.version and not missing_files(dest, package.name)


def check_integrity(tarball: Path, package: Package) -> None:
    """Raises `ConfigError` when the bytes are not the pinned ones."""
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if not hmac.compare_digest(f"sha512-{digest}", package.integrity):
        raise ConfigError(
            f"{package.name}@{package.version} has another content than the pinned one: "
            f"expected {package.integrity}, got sha512-{digest}. Do not use it; is a proxy in between?"
        )


def unpack(tarball: Path, package: Package, dest: Path) -> int:
    """Write the needed files of an npm tarball under `dest`/name, all or nothing; returns how many.

    Only plain files inside the package's folder: an absolute path, a `..`, a link or a device is a
    `ConfigError`, because a package has no honest use for them.
    """
    target = dest / package.name
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
        fresh = Path(folder) / "package"
        try:
            with tarfile.open(tarball, "r:*") as archive:
                for member in archive:
                    path = _safe_path(member, package)
                    if member.isfile() and _is_kept(path, package):
                        _write(archive, member, fresh / path)
                        count += 1
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ConfigError(f"the tarball of {package.name} is damaged: {error}; fetch it again") from error
        if not (fresh / "package.json").is_file():
            raise ConfigError(f"the tarball of {package.name} has no package.json; fetch it again")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    return count


async def _fetch(npm: str, dest: Path, package: Package) -> None:
    with tempfile.TemporaryDirectory(prefix="trimtab-fetch-") as folder:
        tarball = await _npm_pack(npm, package, Path(folder))
        await asyncio.to_thread(check_integrity, tarball, package)
        await asyncio.to_thread(unpack, tarball, package, dest)


async def _npm_pack(npm: str, package: Package, folder: Path) -> Path:
    """Download only: `npm pack` of a registry package runs no script and resolves no dependency."""
    command = (npm, "pack", f"{package.name}@{package.version}", "--json", "--ignore-scripts", "--silent")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_NPM_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise ConfigError(
            f"npm did not deliver {package.name} within {_NPM_SECONDS:.0f} s; is the registry reachable?"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    tarballs = _tarballs(folder)
    if process.returncode or not tarballs:
        said = (errors or output).decode(errors="replace").strip()[-600:]
        raise ConfigError(
            f"npm could not deliver {package.name}@{package.version}: {said or 'no reason given'}"
        )
    return tarballs[0]


def _tarballs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tgz"))


def _safe_path(member: tarfile.TarInfo, package: Package) -> PurePosixPath:
    """The path inside the package, without the leading folder that npm's tarballs have."""
    path = PurePosixPath(member.name)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in member.name
    if unsafe or not (member.isfile() or member.isdir()):
        raise ConfigError(
            f"the tarball of {package.name} holds {member.name!r}, which is not a plain file inside the "
            "package; nothing of it was kept"
        )
    return PurePosixPath(*path.parts[1:])


def _is_kept(path: PurePosixPath, package: Package) -> bool:
    return any(fnmatchcase(str(path), pattern) for pattern in package.keep)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.size > _MAX_FILE_BYTES:
        raise tarfile.TarError(f"{member.name} is {member.size} bytes long")
    source = archive.extractfile(member)
    assert source is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source.read())
