"""Preparing images beside the loop that is usually written: Pillow opens, converts, crops and resizes one by one.

``python -m benchmarks.prepare --turns 5`` takes turns between the loop, ours with Pillow alone and ours with the extra
``fast``, on the same files in memory, and says images per CPU second (the work, whatever else the machine does) and the
ratio to the loop. The output of all is the same up to what a JPEG decoded in part differs by, which is said as well.
"""

from __future__ import annotations

import argparse
import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.rows import keep
from zerosum.data import images as decoding
from zerosum.data.image_options import Asked
from zerosum.data.preparing import _look

SOURCES = {
    "faces": "faces/utkface_6k.zip",
    "facades": "paired/cmp_facades.zip",
    "drive": "driving/udacity_sim_center.zip",
}
SIDE = 64


def plain(data: bytes) -> npt.NDArray[np.uint8]:
    """The usual loop's body."""
    with Image.open(io.BytesIO(data)) as image:
        image = image.convert("RGB")
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        image = image.crop((left, top, left + short, top + short)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return np.asarray(image).transpose(2, 0, 1).copy()


def ours(fast: bool) -> Callable[[bytes], npt.NDArray[np.uint8]]:
    """What preparing does to a file, digest for its split included."""

    def body(data: bytes) -> npt.NDArray[np.uint8]:
        kept = decoding._simplejpeg
        if not fast:
            decoding._simplejpeg = lambda: None
        try:
            return _look(data, Asked(size=SIDE)).pixels
        finally:
            decoding._simplejpeg = kept

    return body


def main() -> None:
    """Take turns, and keep a row for each source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--images", type=int, default=400)
    arguments = parser.parse_args()
    ways = {"loop": plain, "ours": ours(False), "ours, fast": ours(True)}
    for name, source in SOURCES.items():
        with zipfile.ZipFile(Path(os.environ["ZEROSUM_DATA"]) / source) as archive:
            files = [n for n in archive.namelist() if n.endswith(".jpg")][: arguments.images]
            datas = [archive.read(file) for file in files]
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        made: dict[str, npt.NDArray[np.uint8]] = {}
        for _ in range(arguments.turns):
            for way, body in ways.items():
                start = time.process_time()
                made[way] = np.stack([body(data) for data in datas])
                seconds[way].append(time.process_time() - start)
        rate = {way: len(datas) / float(np.median(times)) for way, times in seconds.items()}
        apart = {way: float(np.abs(x.astype(int) - made["loop"]).mean()) for way, x in made.items()}
        row = {
            "source": name,
            "images": len(datas),
            "turns": arguments.turns,
            "images a CPU second": {way: round(value) for way, value in rate.items()},
            "ratio": {way: round(value / rate["loop"], 2) for way, value in rate.items()},
            "mean difference of 255": {way: round(value, 2) for way, value in apart.items()},
        }
        keep("prepare", row)
        print(row)


if __name__ == "__main__":
    main()
