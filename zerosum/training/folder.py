"""The run folder: its lock, the run it holds, and its files.

``config.json`` the record of the run · ``log.jsonl`` terms over rounds · ``metrics.jsonl`` results · ``samples/``
pictures of a fixed latent set · ``checkpoints/`` · ``diverged/`` · ``run.lock``.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zerosum._version import __version__
from zerosum.errors import ConfigError, RunError
from zerosum.training import files
from zerosum.training.checkpoint import Checkpoints, digest

RECORD = "config.json"
CODE = "recipe.py"
"""The file of a user's own recipe, as the run began with it."""

LOCK = "run.lock"

FORMAT = 2
"""Of run folders; those of zerosum 0.1 are of format 1 and name none."""

SIGNATURE = "sha256"

FACTS = "facts.json"
"""In ``diverged``: the round and the cause, beside the batches of that round."""

IDENTITY = {"recipe": str, "config": dict, "data": dict, "seed": int}
"""The identity of a run, with types: none of it may change while it goes on, nor the code of a user's own recipe."""

_BEGINNINGS = re.compile(rf"{re.escape(LOCK)}|probe\..*|config\.json\.new")
"""Files of a process that was killed before its run began: a folder with nothing else is as good as empty."""


class RunFolder:
    """A run folder held by this process, from :meth:`claim` to :meth:`release`.

    Arguments:
        path: The folder.
        record: The content of ``config.json``.
        lock: Held on it.

    Attributes:
        path: The folder.
        record: The content of ``config.json``.
        checkpoints: Those of the run, tied to what it is.
        notices: Sentences the user should see.
    """

    def __init__(self, path: Path, record: dict[str, Any], lock: Lock):
        self.path = path
        self.record = record
        self.notices = [lock.notice] if lock.notice else []
        self.checkpoints = checkpoints_of(path, record)
        self._lock = lock

    @property
    def log(self) -> Path:
        """Terms over rounds."""
        return self.path / "log.jsonl"

    @property
    def metrics(self) -> Path:
        """Results of metrics."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """Pictures of a fixed latent set."""
        return self.path / "samples"

    @property
    def diverged(self) -> Path:
        """The batches of the round in which training diverged."""
        return self.path / "diverged"

    @classmethod
    def claim(cls, path: Path, record: Mapping[str, Any], fresh: bool = False) -> RunFolder:
        """Take a folder for a run: a new one, or the one that holds this very run.

        Arguments:
            path: Where.
            record: What the run is, with the keys of :data:`IDENTITY` and whatever else is worth keeping.
            fresh: Move the old content to ``<path>.old-<n>`` and start anew.

        Raises:
            ConfigError: The folder holds another run; the message names the differences.
            RunError: The folder cannot be used: a file, something else's, locked, or the disk refuses.
        """
        try:
            _look(path, record, fresh)  # before anything is touched
            files.make_folder(path)
            lock = Lock(path)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            there, old = _look(path, record, fresh)  # again, now that nobody else can change it
            if there and fresh:
                lock.release()
                target = _free_name(path)
                files.rename(path, target)
                files.make_folder(path)
                lock = Lock(path)
                lock.notice = f"moved the old run to {target}."
            folder = cls(path, dict(old or record), lock)
            folder._probe()
            folder.checkpoints.sweep()
            if old is None:
                folder.write_record()
            return folder
        except OSError as error:
            lock.release()
            raise _unusable(path, error) from error
        except BaseException:
            lock.release()
            raise

    def amend(self, round: int, changes: Mapping[str, Any]) -> list[str]:
        """Change what may change (device, threads, mode, ...) and keep a note of it; returns a sentence for each."""
        sentences = []
        for key, value in changes.items():
            if (before := self.record.get(key)) != value:
                self.record.setdefault("amendments", []).append(
                    {"round": round, "what": key, "from": before, "to": value}
                )
                self.record[key] = value
                sentences.append(f"{key} changed from {before} to {value}: bits may differ from here on.")
        if sentences:
            self.write_record()
        return sentences

    def keep_code(self, text: bytes) -> None:
        """Keep a user's own recipe beside the run."""
        if not (self.path / CODE).exists():
            files.replace(self.path / CODE, text)

    def write_record(self) -> None:
        """Write ``config.json``, whole, with a digest of its content."""
        self.record["format"] = FORMAT
        content = {**self.record, SIGNATURE: digest(self.record)}
        files.replace(self.path / RECORD, (json.dumps(content, indent=2) + "\n").encode())

    def release(self) -> None:
        """Let another process have the folder."""
        self._lock.release()

    def _probe(self) -> None:
        # Everything a checkpoint will do, on a few bytes: a folder that cannot be written is found before round 1.
        def clean() -> None:
            for path in self.path.glob("probe.*"):
                files.remove(path)

        clean()  # what a killed process left
        probe = self.path / "probe.tmp"
        try:
            files.make_folder(probe)
            files.write(probe / "probe", b"can this be written?")
            files.rename(probe, self.path / "probe.renamed")
        finally:
            clean()


def read_record(path: Path) -> dict[str, Any] | None:
    """The content of a run's ``config.json``; None where there is none.

    Raises:
        RunError: It is no JSON object with the keys of a run, or it was changed after it was written.
    """
    file = path / RECORD
    if not file.exists():
        return None
    try:
        record = json.loads(file.read_bytes())
        intact = all(isinstance(record[key], kind) for key, kind in IDENTITY.items())
    except (ValueError, TypeError, KeyError):
        intact = False
    if not intact:
        raise RunError(f"{file} cannot be read as the record of a run; restore it from a copy, or use --fresh.")
    if record.get("format", 1) != FORMAT:
        raise RunError(
            f"{path} was made by zerosum {record.get('zerosum', '0.1')}, whose run folders this version "
            f"({__version__}) does not read; use that version, or train anew with --fresh."
        )
    signature = record.pop(SIGNATURE, None)
    if signature is not None and signature != digest(record):
        raise RunError(
            f"{file} was changed after it was written; restore it from a copy, or, if the change is yours, "
            f"remove its line {SIGNATURE!r} to accept it."
        )
    return dict(record)


def checkpoints_of(path: Path, record: Mapping[str, Any]) -> Checkpoints:
    """The checkpoints of the run a folder holds."""
    code = {"code": sha} if (sha := _sha_of_code(record)) else {}
    return Checkpoints(path / "checkpoints", digest({**{key: record[key] for key in IDENTITY}, **code}))


def _look(path: Path, record: Mapping[str, Any], fresh: bool) -> tuple[bool, dict[str, Any] | None]:
    """Whether a folder holds a run, and its record where that run continues; anything else is an error."""
    if path.exists() and not path.is_dir():
        raise RunError(f"--out {path} is a file; choose another path.")
    if not path.is_dir() or all(_BEGINNINGS.fullmatch(entry.name) for entry in path.iterdir()):
        return False, None
    if not (path / RECORD).exists():
        raise RunError(f"--out {path} is not empty and holds no run; choose another path.")
    if fresh:
        return True, None
    old = read_record(path)
    assert old is not None
    _check_same_run(path, old, record)
    return True, old


def _check_same_run(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    differences = [f"{key} was {old[key]}, now {new[key]}" for key in ("recipe", "seed") if old[key] != new[key]]
    if old["data"] != new["data"]:
        was, now = (record["data"].get("spec", {}).get("name", "unknown") for record in (old, new))
        differences.append(f"data was {was}, " + ("of the same name but other content" if was == now else f"now {now}"))
    if old["recipe"] == new["recipe"]:
        was, now = old["config"], new["config"]
        names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
        differences += [f"{name} was {was.get(name)}, now {now.get(name)}" for name in names]
    if old["recipe"] == new["recipe"] and _sha_of_code(old) != _sha_of_code(new):
        differences.append(f"{old['recipe']} has changed since; {path / CODE} is as it was")
    if differences:
        raise ConfigError(
            f"{path} holds another run ({'; '.join(differences)}); "
            "continue it with what it was started with, choose another --out, or move it aside with --fresh."
        )


def _sha_of_code(record: Mapping[str, Any]) -> str | None:
    code = record.get("code")
    return code.get("sha256") if isinstance(code, dict) else None


def _unusable(path: Path, error: OSError) -> RunError:
    return RunError(f"--out {path} cannot be written ({error.strerror or error}); choose another path or make room.")


def _free_name(path: Path) -> Path:
    number = 1
    while (target := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return target


class Lock:
    """One run, one process: the lock of a run folder, held from construction to :meth:`release`.

    The operating system's own file lock decides, and it ends with its process; the text in the file only names the
    holder.

    Arguments:
        folder: The run folder, which must exist.

    Attributes:
        notice: A sentence where the lock of a dead process was taken over, else None.

    Raises:
        RunError: Another process has it, or one on another host may have.
    """

    def __init__(self, folder: Path):
        self.path = folder / LOCK
        self.notice: str | None = None
        self._descriptor: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            self._descriptor = None
            raise

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self) -> None:
        assert self._descriptor is not None
        taken = _try_lock(self._descriptor)
        holder = self._holder()
        if not taken:
            raise RunError(
                f"{self.path.parent} is being trained by {_named(holder)}; wait for it, stop it, or choose another "
                "--out."
            )
        if holder is not None:
            # Left behind. A lock of another host tells nothing about that host: its file lock may not reach here.
            if holder.get("host") != platform.node():
                raise RunError(
                    f"{self.path.parent} is marked as being trained by {_named(holder)}, on another host; "
                    f"if that run is dead, remove {self.path}."
                )
            self.notice = f"took over the lock of {_named(holder)}, which is gone."
        mine = {"pid": os.getpid(), "host": platform.node(), "start": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, json.dumps(mine).encode())

    def _holder(self) -> dict[str, object] | None:
        text = self.path.read_text(errors="replace").strip()
        if not text:
            return None
        try:
            holder = json.loads(text)
        except ValueError:
            holder = None
        return holder if isinstance(holder, dict) else {"pid": "?", "host": platform.node(), "start": "?"}


def _named(holder: dict[str, object] | None) -> str:
    holder = holder or {}
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('start', '?')}"


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far past the text, which others must be able to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
