"""Waveforms: a folder of ``.wav`` files (PCM of 8 to 32 bits, channels averaged), or an ``.npz`` with a rate.

Clips of different lengths are padded with silence to the longest, and ``x_length`` has the true length; ``[window=N]``
after the path cuts N samples of each instead.
"""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zerosum.data.array_files import LABELS, Array, Examples, labelled, load_arrays
from zerosum.data.kinds import LABEL, WAVEFORM
from zerosum.data.spec import Field
from zerosum.data.splits import parts, place
from zerosum.errors import DataError

Clip = npt.NDArray[np.float32]


def is_folder_of_waves(path: Path) -> bool:
    """Whether a path is a folder with ``.wav`` files in it or in its folders."""
    return path.is_dir() and next((file for file in path.rglob("*") if file.suffix.lower() == ".wav"), None) is not None


def read_wave_folder(path: Path, window: int | None = None) -> Examples:
    """The ``.wav`` files of a folder; files in folders of their own have those as labels.

    Arguments:
        path: The folder.
        window: Samples that are cut of each clip; None pads all to the longest.

    Raises:
        DataError: A file cannot be read, or the rates differ.
    """
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".wav")
    clips: list[Clip] = []
    rates: dict[int, Path] = {}
    for file in files:
        clip, rate = read_wave(file)
        clips.append(clip)
        rates.setdefault(rate, file)
    if len(rates) > 1:
        (first, a), (second, b) = list(rates.items())[:2]
        raise DataError(f"{path} has waveforms of several rates: {a.name} has {first} Hz, {b.name} {second}; use one.")
    names = tuple(sorted({file.parent.name for file in files} if all(f.parent != path for f in files) else ()))
    label = np.array([names.index(file.parent.name) for file in files], np.int64) if names else None
    return clips_as_examples(clips, next(iter(rates)), window, label, names)


def read_wave(path: Path) -> tuple[Clip, int]:
    """The samples of a ``.wav`` file in [-1, 1], its channels averaged, and its rate in Hz.

    Raises:
        DataError: It is no PCM file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    except (OSError, EOFError, wave.Error) as error:
        raise DataError(f"{path} cannot be read as a waveform ({error}); save it as PCM of 8 to 32 bits.") from None
    raw = raw[: len(raw) // (width * channels) * width * channels]
    if width == 1:
        values = raw.astype(np.float64) / 128 - 1
    else:
        wide = np.zeros((len(raw) // width, 4), np.uint8)
        wide[:, 4 - width :] = raw.reshape(-1, width)
        values = wide.view("<i4")[:, 0].astype(np.float64) / 2**31
    return values.reshape(-1, channels).mean(1).astype(np.float32), rate


def is_wave_archive(names: set[str]) -> bool:
    """Whether arrays of these names are waveforms: ``pcm`` with ``offsets``, or ``x`` with a ``rate``."""
    return {"pcm", "offsets"} <= names or {"x", "rate"} <= names


def read_wave_archive(path: Path, window: int | None = None, rate: int | None = None) -> Examples:
    """Waveforms of an ``.npz``: ``x`` (n, T) and ``rate``, or all samples as ``pcm`` with ``offsets`` (n + 1,).

    Arguments:
        path: The file; its ``y``, ``label``, ``labels`` or ``digit`` are labels, whole numbers are brought to [-1, 1].
        window: Samples that are cut of each clip; None pads all to the longest.
        rate: In Hz, where the file has none.

    Raises:
        DataError: The offsets do not fit the samples, or no rate is known.
    """
    arrays = load_arrays(path)
    rate = int(arrays["rate"]) if "rate" in arrays else rate
    if rate is None:
        raise DataError(f"{path} does not say its sampling rate; add [rate=HZ] to it, such as [rate=8000].")
    if "pcm" in arrays:
        pcm, offsets = arrays["pcm"], arrays["offsets"].astype(np.int64)
        if offsets.ndim != 1 or len(offsets) < 2 or (np.diff(offsets) <= 0).any() or offsets[-1] > len(pcm):
            raise DataError(f"the offsets of {path} must rise within its {len(pcm)} samples; save them as (n + 1,).")
        clips = [_scaled(pcm[start:end]) for start, end in itertools.pairwise(offsets)]
    else:
        clips = [_scaled(clip) for clip in arrays["x"]]
    label = next((arrays[name] for name in (*LABELS, "digit") if name in arrays), None)
    return clips_as_examples(clips, rate, window, None if label is None else label.astype(np.int64))


def clips_as_examples(
    clips: list[Clip], rate: int, window: int | None, label: Array | None, names: tuple[str, ...] = ()
) -> Examples:
    """Clips as one array, padded or cut, with splits by hash of their content.

    Arguments:
        clips: (T,) each.
        rate: In Hz.
        window: Samples that are cut from the middle of each; None pads all to the longest.
        label: (n,) int64, or None.
        names: Of the labels.
    """
    part = parts(place(clip.tobytes()) for clip in clips)
    size = window or max(map(len, clips))
    x = np.zeros((len(clips), size), np.float32)
    for row, clip in zip(x, clips, strict=True):
        start = max(0, (len(clip) - size) // 2)
        cut = clip[start : start + size]
        row[: len(cut)] = cut
    fields, arrays = {"x": Field(WAVEFORM, (size,), rate=rate)}, {"x": x}
    if window is None and len({len(clip) for clip in clips}) > 1:
        fields["x_length"], arrays["x_length"] = Field(LABEL), np.array([len(clip) for clip in clips], np.int64)
    return labelled(Examples(fields, arrays, part), label, names)


def _scaled(samples: Array) -> Clip:
    whole = samples.dtype.kind == "i"
    return (samples / float(np.iinfo(samples.dtype).max + 1) if whole else samples).astype(np.float32)
