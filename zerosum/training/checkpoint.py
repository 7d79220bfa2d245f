"""Checkpoints: a folder per round that is whole or not there, verified by its own digests.

A checkpoint is written under a temporary name, every file waited for, then a manifest with the size and SHA-256 of
every file and of itself, then renamed; only then does ``latest`` move and an old one go. A process killed at any
instant leaves the checkpoints before it as they were. Tensors are safetensors, facts are JSON; nothing is ever
unpickled.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

import zerosum
from zerosum.errors import RunError
from zerosum.runtime import world_size
from zerosum.training import files

FORMAT = 1
TENSORS = "game.safetensors"
MANIFEST = "manifest.json"
KEPT = 3
"""Checkpoints that stay; the last two that verified always do, and the last before updates were skipped."""

_MARGIN = 1 << 20


class Damaged(Exception):
    """A checkpoint is not what was written; the message names the file."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        path: Its folder.
        tensors: The game's state.
        facts: The manifest: ``seconds`` and ``log`` go on from there, the rest is for readers.
        damaged: A sentence for each newer checkpoint that had to be passed over.
    """

    path: Path
    tensors: dict[str, Tensor]
    facts: dict[str, Any]
    damaged: list[str] = field(default_factory=list)


@dataclass
class Checkpoints:
    """The checkpoints of a run.

    Arguments:
        folder: Where they are.
        config: Digest of what the run is; a checkpoint of another run is refused.
    """

    folder: Path
    config: str
    _verified: set[Path] = field(default_factory=set)

    def rounds(self) -> list[int]:
        """Rounds with a committed checkpoint, newest first."""
        if not self.folder.is_dir():
            return []
        found = [re.fullmatch(r"round-(\d+)", path.name) for path in self.folder.iterdir() if path.is_dir()]
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def save(self, round: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
        """Commit a checkpoint.

        Arguments:
            round: It is of.
            tensors: The state by name, of any shapes; copied to the host.
            facts: What else must be kept, for JSON.

        Returns:
            Its folder.

        Raises:
            OSError: The disk would not have it; the checkpoints before it are as they were.
        """
        target = self._path(round)
        if target in self._verified:
            return target
        data = safetensors.torch.save(
            {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
        )
        files.make_folder(self.folder)
        self.need(len(data))
        temporary = self.folder / f"{target.name}.tmp-{uuid.uuid4().hex[:12]}"
        try:
            files.make_folder(temporary)
            files.write(temporary / TENSORS, data)
            files.write(temporary / MANIFEST, _manifest(round, self.config, data, facts))
            files.sync(temporary)
            if target.exists():  # left from a future that was cut off
                self._set_aside(target)
            files.rename(temporary, target)
        except OSError:
            if temporary.exists():
                files.remove(temporary)
            raise
        self._verified.add(target)
        files.replace(self.folder / "latest", f"{target.name}\n".encode())
        self._prune()
        return target

    def need(self, size: int) -> None:
        """Ask for room for a checkpoint of so many bytes.

        Raises:
            OSError: There is not enough; the message says how much is needed and how much there is.
        """
        if (free := files.free(self.folder.parent)) < size + _MARGIN:
            raise OSError(f"a checkpoint needs {_mib(size + _MARGIN)}, the disk has {_mib(free)}")

    def sweep(self) -> None:
        """Remove what a killed process left half written; only the holder of the run's lock may."""
        if self.folder.is_dir():
            for path in self.folder.glob("round-*.tmp-*"):
                files.remove(path)

    def load(self, round: int | None = None, set_aside: bool = False) -> Checkpoint | None:
        """Read the newest checkpoint that verifies, or that of a round.

        Arguments:
            round: Which; None for the newest.
            set_aside: Rename damaged ones, so that the next start does not meet them; only the lock's holder may.

        Returns:
            None where there is none at all.

        Raises:
            RunError: None verifies, the round asked for does not, it belongs to another run, or to a newer Zerosum.
        """
        rounds = self.rounds()
        if round is not None:
            if round not in rounds:
                there = ", ".join(map(str, rounds)) or "none"
                raise RunError(f"{self.folder} has no checkpoint of round {round} (there are: {there}).")
            rounds = [round]
        damaged: list[str] = []
        for number in rounds:
            path = self._path(number)
            try:
                tensors, facts = self._read(path)
            except Damaged as error:
                damaged.append(f"{path.name} is damaged: {error}")
                if set_aside and round is None:
                    self._set_aside(path)
                continue
            self._verified.add(path)
            return Checkpoint(path, tensors, facts, damaged)
        if damaged:
            raise RunError(
                f"no checkpoint in {self.folder} can be used ({'; '.join(damaged)}); "
                "restore the folder from a copy, or start anew with --fresh."
            )
        return None

    def _read(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        manifest = _read_manifest(path)
        if manifest["format"] > FORMAT:
            raise RunError(
                f"{path} was made by zerosum {manifest['zerosum']}, this is {zerosum.__version__}; "
                "upgrade zerosum to read it."
            )
        if manifest["config"] != self.config:
            raise RunError(
                f"{path} does not belong to the config.json of its run (recipe, configuration, data or seed differ); "
                "restore the config.json it was made with."
            )
        contents = {name: _verify(path / name, facts) for name, facts in manifest["files"].items()}
        try:
            return safetensors.torch.load(contents[TENSORS]), manifest
        except (KeyError, safetensors.SafetensorError) as error:
            raise Damaged(f"{TENSORS} is no safetensors file ({error}).") from error

    def _path(self, round: int) -> Path:
        return self.folder / f"round-{round}"

    def _set_aside(self, path: Path) -> None:
        number = 1
        while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        files.rename(path, target)
        self._verified.discard(path)

    def last_clean(self, until: int | None = None) -> int | None:
        """The newest round (up to one) whose checkpoint was made with every update finite since the one before."""
        for number in self.rounds():
            if until is None or number <= until:
                try:
                    if _read_manifest(self._path(number)).get("clean", True):
                        return number
                except Damaged:
                    continue
        return None

    def _prune(self) -> None:
        paths = [self._path(number) for number in self.rounds()]
        good = [path for path in paths if path in self._verified]
        if len(good) < 2:
            return
        clean = self.last_clean()
        stay = {*good[:2], *([] if clean is None else [self._path(clean)])}
        for path in paths[KEPT:]:
            if path not in stay:
                files.remove(path)
                self._verified.discard(path)


def digest(facts: Mapping[str, Any]) -> str:
    """SHA-256 of JSON in its canonical form."""
    return hashlib.sha256(_canonical(facts)).hexdigest()


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode()


def _manifest(round: int, config: str, data: bytes, facts: Mapping[str, Any]) -> bytes:
    content = {
        **facts,
        "format": FORMAT,
        "round": round,
        "zerosum": zerosum.__version__,
        "torch": torch.__version__,
        "config": config,
        "world_size": world_size(),
        "files": {TENSORS: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}},
    }
    return _canonical({**content, "sha256": digest(content)})


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        raw = (path / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise Damaged(f"{MANIFEST} is missing.") from None
    if not raw:
        raise Damaged(f"{MANIFEST} is empty.")
    try:
        content = json.loads(raw)
        stated = content.pop("sha256")
        # Canonical form, so that no byte can change without changing the digest.
        intact = digest(content) == stated and _canonical({**content, "sha256": stated}) == raw
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        intact = False
    if not intact:
        raise Damaged(f"{MANIFEST} does not match its SHA-256.")
    facts: dict[str, Any] = content
    return facts


def _verify(path: Path, facts: Mapping[str, Any]) -> bytes:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise Damaged(f"{path.name} is missing.") from None
    if size != facts["size"]:
        raise Damaged(f"{path.name} has {size} bytes of {facts['size']}.")
    data = path.read_bytes()
    # Tensors begin with the length of their header, whose first byte may be that of a pickle; then comes the header.
    if (data[:1] == b"\x80" or data[:2] == b"PK") and data[8:9] != b"{":
        raise Damaged(f"{path.name} is a pickle or a zip, which is never opened.")
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise Damaged(f"{path.name} does not match its SHA-256.")
    return data


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
