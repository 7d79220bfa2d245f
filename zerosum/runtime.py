"""The machine: device, threads, ranks and where every random number comes from.

Nothing here is kept between rounds. A random stream is a seed computed from what it is for (:func:`mix`), so that a
run can be continued anywhere without saving generator states.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from zerosum.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """The device a name stands for; ``auto`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        ConfigError: The device is not usable here.
    """
    available: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, usable in available.items() if usable()))
    kind = name.partition(":")[0]
    if kind not in available:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, got {name!r}.")
    if not available[kind]():
        raise ConfigError(
            f"device {name!r} is not usable with torch {torch.__version__} on this machine; "
            "use --device cpu, or install a torch built for it (https://pytorch.org/get-started)."
        )
    return torch.device(name)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it is a CPU with instructions for products of bfloat16, AVX-512's or AMX."""
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def mix(*parts: int | str) -> int:
    """A 63-bit seed from what the random numbers are for.

    Torch's CPU generator uses its lower 32 bits; a million streams then share a seed about a hundred times, which is
    harmless for independent draws.

    Examples:
        >>> mix(0, "z", 7) == mix(0, "z", 7), mix(0, "z", 7) == mix(0, "z", 8)
        (True, False)
    """
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little") >> 1


def reseed(device: torch.device, *parts: int | str) -> None:
    """Set the device's default generator, which dropout and noise layers draw from, by :func:`mix`.

    The default generator's own ``manual_seed`` is called: ``torch.manual_seed`` visits every backend and costs about
    a hundred times as much, a tenth of a small network's round.
    """
    seed = mix(*parts)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps._get_default_mps_generator().manual_seed(seed)


def rank() -> int:
    """This process's number among the ranks; 0 without ``torch.distributed``."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """Number of ranks that play the same game; 1 without ``torch.distributed``."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean_over_ranks(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Average tensors over the ranks by one flat all-reduce; differentiable, the identity on one rank.

    Whoever calls ``autograd.grad`` on parameters calls this on the result.
    """
    if world_size() == 1:
        return list(tensors)
    flat: Tensor = _Mean.apply(torch.cat([t.flatten() for t in tensors]))  # type: ignore[no-untyped-call]
    parts = torch.split(flat, [t.numel() for t in tensors])
    return [part.view_as(t) for part, t in zip(parts, tensors, strict=True)]


def gather(part: Tensor) -> Tensor:
    """The whole batch of which every rank has an equal part, in the order of the ranks; no gradient flows through it.

    Arguments:
        part: (N, ...), of one shape on all ranks.
    """
    if world_size() == 1:
        return part
    parts = [torch.empty_like(part) for _ in range(world_size())]
    dist.all_gather(parts, part.detach().contiguous())
    return torch.cat(parts)


def start_mean_over_ranks(tensors: Sequence[Tensor]) -> Callable[[], list[Tensor]]:
    """Begin what :func:`mean_over_ranks` does and go on meanwhile; not differentiable.

    Arguments:
        tensors: Of any shapes, of one type, on one device.

    Returns:
        Waits for the averages and gives them.
    """
    if world_size() == 1:
        return lambda: list(tensors)
    flat = torch.cat([t.detach().flatten() for t in tensors])
    work = dist.all_reduce(flat, async_op=True)

    def arrived() -> list[Tensor]:
        work.wait()
        parts = torch.split(flat.div_(world_size()), [t.numel() for t in tensors])
        return [part.view_as(t) for part, t in zip(parts, tensors, strict=True)]

    return arrived


def stand(device: torch.device) -> Tensor:
    """The state of the device's default generator; it differs after anything was drawn from it."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0].get_state()
    if device.type == "mps":
        return torch.mps._get_default_mps_generator().get_state()
    return torch.default_generator.get_state()


class _Mean(torch.autograd.Function):
    """All-reduced mean; the gradient of a mean over ranks is the mean over ranks of the gradients."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        total = flat.clone()
        dist.all_reduce(total)
        return total / world_size()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total / world_size()


def machine() -> dict[str, Any]:
    """Facts about the machine and the versions, for records."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
