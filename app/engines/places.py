"""Where PostgreSQL's programs, data and sockets lie, so that the identity it runs as can reach them.

The programs are the wheel's and the data is `<home>/postgres`. What the identity cannot reach (root without
namespaces, below a closed folder) lies under `/var/lib/starling/<hash of the home>`: a copy of the programs,
and the data, with a link to them in the home. Data that are gone from there are never begun anew unsaid.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from app.engines.errors import EngineError
from app.engines.home import Home, no_socket_folder, socket_bases, socket_folder
from app.engines.identity import Identity, no_identity

OUTSIDE = Path("/var/lib/starling")


class MissingData(EngineError):
    """No identity helps: the data is gone from where it was."""


def place(home: Home, wheel: Path, identities: list[Identity]) -> tuple[Identity, Path, Path]:
    """The first identity that works, with an installation and a data folder that it can reach."""
    reasons = []
    for identity in identities:
        try:
            installation = _reachable_installation(home, wheel, identity)
            data = _reachable_data(home, installation, identity)
        except MissingData:
            raise
        except (OSError, EngineError) as error:
            reasons.append(str(error))
            continue
        return identity, installation, data
    raise no_identity(reasons)


def _reachable_installation(home: Home, wheel: Path, identity: Identity) -> Path:
    refusal = identity.refusal(wheel / "bin" / "postgres")
    if refusal is None:
        return wheel
    if os.geteuid() != 0:
        raise EngineError(refusal)
    # Named by what it was copied from, so that a newer wheel is copied anew.
    stamp = (wheel / "bin" / "postgres").stat()
    copy = _outside(home) / f"postgresql-{stamp.st_size:x}-{stamp.st_mtime_ns:x}"
    if not copy.exists():
        fresh = copy.with_name(copy.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(wheel, fresh, symlinks=True)
        fresh.rename(copy)
    refusal = identity.refusal(copy / "bin" / "postgres")
    if refusal is not None:
        raise EngineError(refusal)
    return copy


def _reachable_data(home: Home, installation: Path, identity: Identity) -> Path:
    """The data folder, moved to where the identity can reach it if it must be; its owner is the identity."""
    moved = home.path / "postgres.moved"
    if moved.exists() and not home.postgres.exists():
        moved.rename(home.postgres)  # an earlier move was interrupted before its link was there
    shutil.rmtree(moved, ignore_errors=True)
    data = Path(os.path.realpath(home.postgres))
    if home.postgres.is_symlink() and not data.exists():
        raise MissingData(
            f"The database of {home.path} lay in {data} and is not there: put it back,"
            f" or remove the link {home.postgres} to begin with an empty one."
        )
    program = installation / "bin" / "postgres"
    if os.geteuid() == 0 and data.parent == home.path and not _can_reach(home.path, program, identity):
        data = _move_outside(home, moved)
    if os.geteuid() == 0 and data.exists() and data.stat().st_uid != identity.uid:
        _give(data, identity)
    return data


def _can_reach(folder: Path, program: Path, identity: Identity) -> bool:
    """Whether the identity can use a folder of its own in the home, which may be passed through for it."""
    probe = folder / ".probe"
    probe.mkdir(mode=0o700, exist_ok=True)
    try:
        os.chown(probe, identity.uid, identity.gid)
        if identity.refusal(program, probe) is None:
            return True
        # Perhaps it is only the home itself, which is ours and whose folders are closed in turn.
        before = folder.stat().st_mode
        folder.chmod(before | 0o011)
        if identity.refusal(program, probe) is None:
            return True
        folder.chmod(before)
        return False
    finally:
        probe.rmdir()


def _move_outside(home: Home, moved: Path) -> Path:
    outside = _outside(home) / "postgres"
    if outside.exists():  # of a home that was removed: its link is gone, so it is nobody's
        outside.rename(outside.with_name(f"postgres.left-{time.time_ns()}"))
    if home.postgres.exists():
        fresh = outside.with_name("postgres.copy")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(home.postgres, fresh, symlinks=True)
        fresh.rename(outside)
        home.postgres.rename(moved)
    home.postgres.unlink(missing_ok=True)
    home.postgres.symlink_to(outside)
    shutil.rmtree(moved, ignore_errors=True)
    return outside


def _outside(home: Home) -> Path:
    folder = OUTSIDE / home.digest
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def _give(folder: Path, identity: Identity) -> None:
    for root, names, files in os.walk(folder):
        for name in (*names, *files):
            os.chown(Path(root) / name, identity.uid, identity.gid, follow_symlinks=False)
    os.chown(folder, identity.uid, identity.gid)  # last: its owner says that all is done


def sockets_for(home: Home, identity: Identity) -> Path:
    for base in socket_bases():
        folder = socket_folder(base, home.digest, identity.uid, identity.gid)
        if identity.refusal(Path("/bin/true"), folder) is None:
            return folder
        folder.rmdir()
    raise no_socket_folder()
