"""Images prepared once: every form and kind of source, what is kept, when it is made anew, and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.test_images import noise, stored
from tests.data.test_scan import FORMS, make, put
from zerosum.data import open_data, prepared as module
from zerosum.data.fit import fitted
from zerosum.data.image_options import Asked
from zerosum.data.images import decode
from zerosum.data.prepared import cache_root, prepared
from zerosum.errors import DataError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEROSUM_CACHE", str(tmp_path / "kept"))


def images(n=20, **kwargs):
    return {f"{i:02}.png": noise(8, 8, 3, seed=i, **kwargs) for i in range(n)}


def everything(name):
    """Pixels of all splits by the bytes of each image, with its label."""
    found = {}
    for split in ("train", "valid", "test"):
        data = open_data(name, split)
        batch = data.batch(0, data.count)
        labels = batch["label"].tolist() if "label" in batch else [None] * data.count
        found |= {x.mul(255).round().byte().numpy().tobytes(): y for x, y in zip(batch["x"], labels, strict=True)}
    return found


def kept():
    return sorted(p.name for p in cache_root().iterdir() if p.is_dir())


@FORMS
@pytest.mark.parametrize("size", [None, 4])
def test_every_form_gives_the_images_fitted(form, size):
    files = {f"{folder}/{name}": x for folder in ("cat", "dog") for name, x in images(10).items()}
    for number, (name, x) in enumerate(files.items()):
        files[name] = np.roll(x, number, 0)
    name = str(make(form, files)) + (f"[size={size}]" if size else "")
    found = everything(name)
    assert found == {fitted(x, 3, size).tobytes(): ("dog" in n) for n, x in files.items()}
    data = open_data(name)
    assert data.spec.labels == ("cat", "dog")
    assert data.spec.shape == (3, size or 8, size or 8)
    assert data.spec.name == ("mine" if size is None else "mine[size=4]")
    shares = [float((data.batch(0, data.count)["label"] == y).float().mean()) for y in (0, 1)]
    assert (data.spec.shares or (0.5, 0.5)) == pytest.approx(shares)


def test_a_folder_and_its_archive_have_the_same_splits():
    files = images(40)
    for form in ("mine", "mine.zip", "mine.tar.gz"):
        make(form, files)
    prints = [[open_data(form, s).fingerprint for s in ("train", "valid", "test")] for form in ("mine", "mine.zip")]
    assert prints[0] == prints[1]
    data = open_data("mine")
    plain = type(data)(data.spec, {"x": data.x[data._rows["x",]]})
    assert plain.fingerprint == data.fingerprint  # as of the same images held in memory


def test_mixed_kinds_become_colour_from_the_first_that_is():
    files = {f"{i:02}.png": noise(6, 6, seed=i) for i in range(14)} | {"05.png": noise(6, 6, 3, seed=50)}
    found = everything(str(put("mine", files)))
    assert found.keys() == {fitted(x, 3).tobytes() for x in files.values() if x.ndim == 3} | {
        fitted(x[..., None], 3).tobytes() for x in files.values() if x.ndim == 2
    }
    assert open_data("mine[colour=grey]").spec.shape == (1, 6, 6)
    assert open_data("mine[colour=rgba]").spec.shape == (4, 6, 6)
    assert float(open_data("mine[colour=rgba]").batch(0, 7)["x"][:, 3].min()) == 1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("fast", [False, True])
def test_a_jpeg_decoded_in_part_is_nearly_the_whole_one_reduced(turned, fast, monkeypatch):
    if not fast:
        monkeypatch.setattr("zerosum.data.images._simplejpeg", lambda: None)
    else:
        pytest.importorskip("simplejpeg", reason="the extra 'fast' is not installed")
    row, column = np.mgrid[:240, :320]
    picture = np.stack([128 + 100 * np.sin(row / 17), 128 + 100 * np.cos(column / 23), (row + column) / 560 * 255], -1)
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    data = stored(Image.fromarray(picture.astype(np.uint8)), "jpg", quality=95, exif=exif)
    whole, part = decode(data), decode(data, (32, 32))
    assert whole.size == part.size == ((240, 320) if turned else (320, 240))
    assert min(part.pixels.shape[:2]) == 60
    assert part.turned is turned
    difference = np.abs(fitted(whole.pixels, 3, 32).astype(int) - fitted(part.pixels, 3, 32))
    assert difference.mean() < 1
    assert difference.max() <= 6
    grey = stored(Image.fromarray(picture[..., 0].astype(np.uint8)), "jpg")
    assert decode(grey, (32, 32)).pixels.shape[2] == 1
    with pytest.raises(ValueError, match=r"truncated|broken|premature"):
        decode(data[: len(data) // 2], (32, 32))


def test_it_is_prepared_once(monkeypatch):
    name = str(put("mine", images()))
    open_data(name)
    monkeypatch.setattr(module, "_make", None)
    module._kept.cache_clear()
    assert open_data(name).count == open_data(name, "train").spec.count


def remade():
    """The time of what is kept."""
    (place,) = (p for p in cache_root().iterdir() if p.is_dir())
    return (place / "x.npy").stat().st_ino


@pytest.mark.parametrize("form", ["mine", "mine.zip"])
@pytest.mark.parametrize("change", ["added", "removed", "other content", "labels beside"])
def test_it_is_made_anew_when_its_source_changes(form, change):
    files = images()
    name = str(make(form, files))
    before, inode = everything(name), remade()
    if change == "added":
        files["99.png"] = noise(8, 8, 3, seed=99)
    elif change == "removed":
        del files["03.png"]
    elif change == "other content":
        files["03.png"] = noise(8, 8, 3, seed=77)
    else:
        Path("mine_labels.csv").write_text("file,label\n" + "".join(f"{n},{i % 2}\n" for i, n in enumerate(files)))
    if change != "labels beside":
        shutil.rmtree(name) if form == "mine" else Path(name).unlink()
        time.sleep(0.01)
        make(form, files)
    after = everything(name)
    assert remade() != inode
    assert after != before
    assert after.keys() == {fitted(x, 3).tobytes() for x in files.values()}


@pytest.mark.fault
@pytest.mark.parametrize("damage", ["cut", "no about", "about is no JSON", "half of one that was killed"])
def test_what_is_not_whole_is_not_used(damage):
    name = str(put("mine", images()))
    before = everything(name)
    place = cache_root() / kept()[0]
    if damage == "cut":
        (place / "x.npy").write_bytes((place / "x.npy").read_bytes()[:-50])
    elif damage == "no about":
        (place / "about.json").unlink()
    elif damage == "about is no JSON":
        (place / "about.json").write_text("{")
    else:
        place.rename(place.with_name(place.name + ".new-abc"))
    module._kept.cache_clear()
    assert everything(name) == before
    assert kept() == [place.name]


@pytest.mark.fault
def test_killed_while_it_prepares_nothing_is_left_half():
    """A process that is killed in the middle; the next one begins anew and gives what one does that never was."""
    files = {f"{i:03}.png": noise(64, 64, 3, seed=i) for i in range(300)}
    name = str(put("mine", files))
    child = subprocess.Popen(
        [sys.executable, "-c", f"from zerosum.data import open_data; open_data({name!r})"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    deadline = time.monotonic() + 60
    while not list(cache_root().glob("*.new-*/x.npy")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert everything(name).keys() == {fitted(x, 3).tobytes() for x in files.values()}
    assert len(kept()) == 1


@pytest.mark.fault
def test_a_source_that_changes_meanwhile_is_not_kept(monkeypatch):
    name = put("mine", images())
    write = module.write

    def disturbed(*arguments):
        about = write(*arguments)
        (name / "new.png").write_bytes((name / "00.png").read_bytes())
        return about

    monkeypatch.setattr(module, "write", disturbed)
    with pytest.raises(DataError, match="mine changed while it was read; begin again when it is at rest"):
        open_data("mine")
    assert kept() == []


@pytest.mark.fault
def test_a_full_disk_and_a_place_that_cannot_be_written(monkeypatch):
    put("mine", images())

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write", full)
    with pytest.raises(DataError, match=r"cannot be written to .*kept \(No space left on device\); make room"):
        open_data("mine")
    assert kept() == []
    Path("file").write_text("x")
    monkeypatch.setenv("ZEROSUM_CACHE", "file/below")
    with pytest.raises(DataError, match=r"set ZEROSUM_CACHE to a folder that can"):
        open_data("mine")


@pytest.mark.fault
def test_bad_files_stop_it_or_are_left_out():
    good = images(12)
    path = put("mine", {**good, "a.png": b"", "b.png": b"text", "z.jpg": stored(Image.new("L", (9, 9)), "jpg")[:300]})
    with pytest.raises(DataError, match=r"mine has 3 bad files \(a.png: it is empty; b.png: it is in no format"):
        open_data("mine")
    data = open_data("mine[bad=skip]")
    assert data.notices == ("3 bad files are left out (zerosum data scan lists them).",)
    assert everything("mine[bad=skip]").keys() == {fitted(x, 3).tobytes() for x in good.values()}
    for name in ("a.png", "b.png", "z.jpg"):
        (path / name).unlink()
    assert open_data("mine").fingerprint == data.fingerprint  # the others keep order and splits


@pytest.mark.parametrize(
    ("files", "labels", "said"),
    [
        ({"cat/a.png": 0, "dog/b.png": 1}, ("cat", "dog"), None),
        ({"10/a.png": 0, "9/b.png": 1}, ("9", "10"), None),
        ({"x/cat/a.png": 0, "x/dog/b.png": 1}, ("cat", "dog"), None),
        ({"x/a.png": 0, "x/b.png": 1}, (), None),
        ({"cat/a.png": 0, "b.png": 1}, (), "1 of 2 images have none in the folders"),
        (
            {"a.png": 0, "b.png": 1, "labels.csv": b"file,age,hair\na.png,1,red\nb.png,2,red\n"},
            (),
            "it has columns age, hair",
        ),
        ({"a.png": 0, "b.png": 1, "labels.csv": b"file,label\na.png,one\nb.png,two\n"}, (), "of one image alone"),
        (
            {f"{i}.png": i for i in range(4)} | {"labels.json": b'{"0.png": 1, "1.png": 1, "2.png": 0, "3.png": 0}'},
            ("0", "1"),
            None,
        ),
    ],
    ids=lambda v: None,
)
def test_labels_of_every_kind(files, labels, said):
    files = {n: noise(4, 4, seed=v) if isinstance(v, int) else v for n, v in files.items()}
    # of one image each they would be left aside
    if labels and not any(n.startswith("labels") for n in files):
        files |= {
            n.replace(".png", f"{k}.png"): noise(4, 4, seed=10 * k + i)
            for k in (1, 2)
            for i, n in enumerate(list(files))
        }
    data = open_data(str(put("mine", files)))
    assert data.spec.labels == labels
    assert data.spec.classes == (len(labels) or None)
    assert [text for text in data.notices if "no labels" in text] == [t for t in data.notices if said and said in t]
    assert bool(said) == bool(data.notices)


def test_one_of_several_columns_and_none():
    rows = "".join(f"{i:02}.png,{i % 3},{'ab'[i % 2]}\n" for i in range(20))
    put("mine", {**images(), "labels.csv": f"file,age,hair\n{rows}".encode()})
    assert open_data("mine[label=hair]").spec.labels == ("a", "b")
    assert open_data("mine[label=age]").spec.labels == ("0", "1", "2")
    none = open_data("mine[label=none]")
    assert (none.spec.classes, none.notices) == (None, ())
    with pytest.raises(DataError, match="it has no column eyes"):
        open_data("mine[label=eyes]")


def test_folders_called_as_splits_are_those():
    files = {
        f"{split}/{label}/{i}.png": noise(4, 4, seed=hash((split, label, i)) % 1000)
        for split, n in (("train", 30), ("test", 3))
        for label in ("cat", "dog")
        for i in range(n)
    }
    put("mine", files)
    assert open_data("mine", "test").count == 6
    assert open_data("mine").spec.labels == ("cat", "dog")
    parts = [open_data("mine", split).count for split in ("train", "valid")]
    assert sum(parts) == 60
    assert parts[1] > 0
    put("flat", {n.replace("/cat/", "/").replace("/dog/", "/1"): x for n, x in files.items()})
    assert open_data("flat", "test").count == 6
    assert open_data("flat").spec.classes is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("size=0", "size must be from 1 to 4096 pixels, got '0'"),
        ("size=65536", "size must be from 1 to 4096 pixels, got '65536'"),
        ("size=big", "got 'big'"),
        ("fit=squeeze", "fit must be one of crop, pad, stretch, got 'squeeze'"),
        ("siez=4", "unknown parameter 'siez'; nearest: size"),
        ("label", "label needs a value, label=..., got 'label'"),
    ],
)
def test_parameters_that_make_no_sense(given, said):
    put("mine", images(2))
    with pytest.raises(DataError) as error:
        open_data(f"mine[{given}]")
    assert said in str(error.value)
    np.save("x.npy", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"x.npy holds arrays, which are taken as they are; leave out \[size=4\]"):
        open_data("x.npy[size=4]")


def test_a_path_that_has_brackets_itself():
    put("mine [2019]", images(2))
    assert open_data("mine [2019]").count == 2
    assert open_data("mine [2019][size=4]").spec.shape == (3, 4, 4)


def test_images_enlarged_are_counted():
    put("mine", {"a.png": noise(8, 8), "b.png": noise(20, 30, seed=1)})
    assert open_data("mine[size=16]").notices == ("1 of 2 images are smaller than 16 pixels and were enlarged.",)


def test_more_than_is_held_in_memory_is_read_from_the_file(monkeypatch):
    """The same batches, and what is given out is the batch alone."""
    name = str(put("mine", {f"{y}/{n}": np.roll(x, k, 0) for k, y in enumerate("ab") for n, x in images().items()}))
    data = open_data(name, seed=3)
    wanted = [data.batch(position, 16) for position in (0, 16, 40)]
    monkeypatch.setattr("zerosum.data.own.RESIDENT", 0)
    mapped = open_data(name, seed=3)
    assert set(mapped.locate(0, 4)) == {"x", "label"}
    assert mapped.locate(0, 4)["x"].dtype == torch.uint8
    for position, batch in zip((0, 16, 40), wanted, strict=True):
        again = mapped.batch(position, 16)
        assert all(torch.equal(again[key], batch[key]) for key in ("x", "label"))


def test_two_processes_prepare_it_once():
    name = str(put("mine", {f"{i:03}.png": noise(32, 32, 3, seed=i) for i in range(100)}))
    code = f"from zerosum.data import open_data; print(open_data({name!r}).fingerprint)"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    children = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = {child.communicate()[0].strip() for child in children}
    assert said == {open_data(name).fingerprint}
    assert len(kept()) == 1
    about = json.loads((cache_root() / kept()[0] / "about.json").read_text())
    assert about["source"] == str(Path(name).resolve())


def test_asked_alone_is_the_default():
    put("mine", images(3))
    assert prepared(Path("mine"), Asked()).x.shape == (3, 3, 8, 8)
