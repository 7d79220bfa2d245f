"""A scan: what it counts, what it calls bad, whom it holds for equal, and what it costs."""

import io
import json
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_images import bomb, noise, stored
from tests.data.test_near_duplicates import photograph, saved
from zerosum.data.scan import scan


def put(folder, files):
    """A folder of files by name: bytes, or pixels that are stored by the ending."""
    for name, held in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held if isinstance(held, bytes) else stored(Image.fromarray(held), path.suffix[1:]))
    return Path(folder)


def archived(name, files):
    """The same as an archive."""
    datas = {n: held if isinstance(held, bytes) else stored(Image.fromarray(held)) for n, held in files.items()}
    if name.endswith(".zip"):
        with zipfile.ZipFile(name, "w") as archive:
            for n, data in datas.items():
                archive.writestr(n, data)
    else:
        with tarfile.open(name, "w:gz" if name.endswith("gz") else "w") as archive:
            for n, data in datas.items():
                info = tarfile.TarInfo(n)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return Path(name)


def make(form, files):
    return put(form, files) if "." not in form else archived(form, files)


FORMS = pytest.mark.parametrize("form", ["mine", "mine.zip", "mine.tar.gz"])


@FORMS
def test_counts_by_hand(form):
    files = {
        "a.png": noise(4, 6, seed=1),
        "猫.png": noise(8, 2, 3, seed=2),
        "قطة.png": noise(4, 6, 4, seed=3),
        "🐈.png": noise(4, 6, seed=4),
        "notes.txt": b"x",
        "more.txt": b"x",
        "Thumbs.db": b"x",
    }
    found = scan(make(form, files))
    assert found.form == {"mine": "folder", "mine.zip": "zip", "mine.tar.gz": "tar"}[form]
    assert found.images == 4
    assert found.modes == {"L": 2, "RGB": 1, "RGBA": 1}
    assert found.channels == {1: 2, 3: 1, 4: 1}
    assert found.left_alone == {".txt": 2, "hidden": 1}
    assert found.bad == found.equal == found.near == ()
    assert found.labels is None
    assert found.sizes.different == 2
    assert (found.sizes.smallest, found.sizes.median, found.sizes.largest) == ((2, 8), (6, 4), (6, 4))
    assert found.sizes.frequent == (((6, 4), 3), ((2, 8), 1))


def test_remarks_are_counted():
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [Image.new("L", (3, 3), shade) for shade in (0, 90, 180)]
    files = {
        "turned.png": stored(Image.fromarray(noise(5, 7)), exif=exif),
        "moving.gif": stored(frames[0], "gif", save_all=True, append_images=frames[1:]),
        "wide.tif": stored(Image.fromarray(np.array([[-1, 4000]], np.float32)), "tif"),
    }
    found = scan(put("mine", files))
    assert (found.turned, found.animated, found.stretched) == (1, 1, 1)
    assert found.sizes.largest == (5, 7)


@pytest.mark.fault
@FORMS
def test_every_bad_file_is_listed_with_its_cause(form):
    jpeg = stored(Image.fromarray(noise(64, 64, 3)), "jpg")
    files = {
        "a_good.png": noise(4, 4),
        "b_cut.jpg": jpeg[: len(jpeg) // 2],
        "c_text.png": b"a text that is called an image",
        "d_empty.png": b"",
        "e_bomb.png": bomb(100_000),
        "f_good.jpg": jpeg,
    }
    found = scan(make(form, files))
    assert found.images == 2
    assert [name for name, _ in found.bad] == list(files)[1:5]
    causes = [cause for _, cause in found.bad]
    for cause, part in zip(causes, ("truncated", "no format", "it is empty", "decompression bomb"), strict=True):
        assert part in cause


@pytest.mark.fault
def test_an_archive_cut_short_is_one_more_bad_file():
    path = archived("mine.tar", {f"{n}.png": noise(64, 64, 3, seed=n) for n in range(4)})
    path.write_bytes(path.read_bytes()[:30_000])
    found = scan(path)
    assert found.images == 2
    assert found.bad[-1][0] == "mine.tar"
    assert "is damaged or cut short" in found.bad[-1][1]


@pytest.mark.fault
def test_names_that_lead_out_are_bad_and_nothing_is_written():
    good = stored(Image.fromarray(noise(4, 4)))
    found = scan(archived("mine.zip", {"a.png": good, "../evil.png": good, "/evil.png": good}))
    assert found.images == 1
    assert found.bad == tuple((n, "its name leads out of the archive") for n in ("../evil.png", "/evil.png"))
    assert [p.name for p in Path().iterdir()] == ["mine.zip"]
    assert not Path("../evil.png").exists()


def test_equal_pixels_are_found_whatever_stores_them():
    x, other = noise(12, 12, 3, seed=1), noise(12, 12, 3, seed=2)
    found = scan(put("mine", {"a.png": x, "b.bmp": x, "c.tif": x, "d.png": other, "e.png": x[:, ::-1]}))
    assert found.equal == (("a.png", "b.bmp", "c.tif"),)
    assert found.near == ()


def test_a_remark_in_a_file_makes_no_other_image():
    image = photograph(0)
    found = scan(put("mine", {f"{n}.jpg": stored(image, "jpg", comment=n * b"x") for n in range(3)}))
    assert found.equal == (("0.jpg", "1.jpg", "2.jpg"),)
    assert found.near == ()


def test_a_shape_is_part_of_what_is_equal():
    """Black is black in any shape, but not the same image."""
    found = scan(put("mine", {"a.png": np.zeros((4, 6), np.uint8), "b.png": np.zeros((6, 4), np.uint8)}))
    assert found.equal == ()


def test_one_saved_again_is_near_and_a_flipped_one_is_not():
    files = {}
    for n in range(5):
        image = photograph(n)
        files[f"{n}.png"] = stored(image)
        files[f"{n}_again.jpg"] = stored(saved(image, 60), "jpg")
        files[f"{n}_flipped.png"] = stored(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        files[f"{n}_same.bmp"] = stored(image, "bmp")
    found = scan(put("mine", files))
    assert set(found.equal) == {(f"{n}.png", f"{n}_same.bmp") for n in range(5)}
    assert set(found.near) == {(f"{n}.png", f"{n}_again.jpg") for n in range(5)}


@FORMS
def test_labels_by_the_first_folders_that_differ(form):
    files = {f"Top/{name}": noise(4, 4, seed=n) for n, name in enumerate(("猫/a.png", "猫/deep/b.png", "dog/c.png"))}
    labels = scan(make(form, files)).labels
    assert (labels.source, labels.counts, labels.without) == ("folders", {"dog": 1, "猫": 2}, ())


def test_an_image_beside_the_folders_has_no_label():
    found = scan(put("mine", {"train/a.png": noise(4, 4), "TEST/b.png": noise(4, 4), "c.png": noise(4, 4)}))
    assert found.labels.counts == {"TEST": 1, "train": 1}
    assert found.labels.without == ("c.png",)
    assert found.splits == {}


@FORMS
def test_folders_called_as_splits_are_have_labels_below(form):
    names = ["Top/train/cat/a.png", "Top/train/dog/b.png", "Top/Testing/cat/c.png", "Top/train/cat/d.png"]
    found = scan(make(form, {name: noise(4, 4, seed=n) for n, name in enumerate(names)}))
    assert found.splits == {"train": 3, "test": 1}
    assert found.labels.counts == {"cat": 3, "dog": 1}
    plain = scan(make(form.replace("mine", "plain"), {"train/a.png": noise(4, 4), "val/b.png": noise(4, 4, seed=1)}))
    assert (plain.splits, plain.labels) == ({"train": 1, "valid": 1}, None)


@FORMS
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_labels_by_a_file_inside(form, kind):
    rows = {"a.png": "cat", "x/b.png": "dog", "gone.png": "cat"}
    text = "file,label\n" + "\n".join(map(",".join, rows.items())) if kind == "csv" else json.dumps(rows)
    files = {name: noise(4, 4, seed=n) for n, name in enumerate(("Top/a.png", "Top/c.png", "Top/x/b.png"))}
    found = scan(make(form, {**files, f"Top/labels.{kind}": text.encode()}))
    assert found.labels.source == f"Top/labels.{kind}"
    assert found.labels.counts == {"cat": 1, "dog": 1}
    assert found.labels.without == ("Top/c.png",)
    assert found.labels.absent == ("gone.png",)
    assert found.left_alone == {}
    deep = scan(make(form.replace("mine", "deep"), {**files, f"Top/x/labels.{kind}": text.encode()}))
    assert deep.labels.source == "folders"
    assert deep.left_alone == {f".{kind}": 1}


@pytest.mark.parametrize("beside", ["mine_labels.csv", "labels.csv"])
def test_labels_by_a_file_beside(beside):
    Path(beside).write_text("file,label\na.png,cat\n")
    labels = scan(archived("mine.zip", {"a.png": noise(4, 4)})).labels
    assert (Path(labels.source).name, labels.counts) == (beside, {"cat": 1})
    folder = scan(put("mine", {"a.png": noise(4, 4)})).labels
    assert (folder is None) == (beside == "labels.csv")  # which may belong to any folder there


def test_points_in_a_name_are_part_of_it():
    Path("my.photos_labels.json").write_text('{"a.png": "cat"}')
    assert scan(archived("my.photos.tar.gz", {"a.png": noise(4, 4)})).labels.counts == {"cat": 1}


@pytest.mark.fault
def test_a_file_of_labels_that_cannot_be_used_is_bad():
    files = {"a.png": noise(4, 4), "labels.csv": b"file,label\na.png,1\na.png,2\n"}
    found = scan(put("mine", files))
    assert (found.images, found.labels) == (1, None)
    assert found.bad == (("labels.csv", "it gives a.png two labels, 1 and 2"),)
    two = scan(put("two", {**files, "labels.json": b"{}"}))
    assert {cause for _, cause in two.bad} == {"there are two files of labels; keep one"}
    none = scan(put("none", {"a.png": noise(4, 4)}), "age")
    assert none.bad == (("none", "there is no labels.csv in it or beside it that could have a column age"),)


def test_several_columns_wait_for_a_name():
    path = put("mine", {"a.png": noise(4, 4), "labels.csv": b"file,age,hair\na.png,3,red\n"})
    undecided = scan(path)
    assert undecided.bad == ()
    assert undecided.labels.counts == {}
    assert "columns age, hair" in undecided.labels.undecided
    assert scan(path, "hair").labels.counts == {"red": 1}


def test_a_folder_of_nothing():
    Path("mine").mkdir()
    found = scan(Path("mine"))
    assert (found.images, found.sizes, found.near) == (0, None, ())


def tiny(n):
    """A folder of n images of four pixels."""
    Path(f"tiny{n}").mkdir()
    for i in range(n):
        pixels = np.frombuffer(i.to_bytes(4, "big"), np.uint8).reshape(2, 2)
        Path(f"tiny{n}/{i:05}.png").write_bytes(stored(Image.fromarray(pixels)))
    return Path(f"tiny{n}")


def test_memory_grows_by_a_few_hundred_bytes_an_image_and_progress_is_told():
    few, many = tiny(500), tiny(2_000)
    scan(few)  # what is imported and made once
    peaks, told = {}, []
    for path in (few, many):
        tracemalloc.start()
        found = scan(path, progress=lambda done, total: told.append((done, total)))
        peaks[found.images] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (peaks[2_000] - peaks[500]) / 1_500 < 700
    assert told == [(done, total) for total in (500, 2_000) for done in range(1, total + 1)]


def test_no_more_than_a_few_images_are_held_at_once():
    """Of sixty."""
    put("mine", {f"{n}.bmp": np.full((512, 768, 3), n, np.uint8) for n in range(60)})
    tracemalloc.start()
    assert scan(Path("mine")).images == 60
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 512 * 768 * 3


ROOT = os.environ.get("ZEROSUM_DATA")


@pytest.mark.parametrize(
    ("name", "images", "channels", "labels", "splits"),
    [
        ("faces/smiles_4k.zip", 4_000, 1, {"neutral": 2_000, "smile": 2_000}, {}),
        ("driving/udacity_sim_center.zip", 613, 3, None, {}),
        ("paired/cmp_facades.zip", 506, 3, None, {"train": 400, "test": 106}),
    ],
)
def test_real_archives(name, images, channels, labels, splits):
    if ROOT is None or not Path(ROOT, name).exists():
        pytest.skip(f"{name} is not there (set ZEROSUM_DATA to a folder that holds it)")
    found = scan(Path(ROOT, name))
    assert (found.images, found.bad, found.channels) == (images, (), {channels: images})
    assert (found.labels and found.labels.counts) == labels
    assert found.splits == splits
