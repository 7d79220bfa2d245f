"""``zerosum data scan`` as a user meets it: the page, the exit codes, the file of numbers."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import answer
from tests.data.test_images import noise, stored
from tests.data.test_scan import archived, put

GOOD = {f"{n}.png": noise(6, 5, 3, seed=n) for n in range(12)}


def test_a_folder_that_can_be_trained_on_at_once(capsys):
    put("my faces", {**GOOD, "notes.txt": b"x"})
    code, out, err = answer(capsys, "data", "scan", "my faces")
    assert (code, err) == (0, "")
    said = out.splitlines()
    assert said[0].startswith("my faces: 12 images in a folder, looked at in ")
    assert "size         5x6, all of them" in said
    assert "stored as    RGB (12)" in said
    assert "read as      colour (12)" in said
    assert "left alone   .txt (1)" in said
    assert said[-1].endswith("train auto --data 'my faces'")
    train = ("train", "mlp_gan", "--data", "my faces", "--rounds", "1", "--out", "run")
    assert answer(capsys, *train)[0] == 0


def test_folders_and_sizes_are_said(capsys):
    put("mine", {"cat/a.png": noise(4, 4), "dog/b.png": noise(5, 4)})
    code, out, _ = answer(capsys, "data", "scan", "mine")
    assert code == 0
    assert "labels       2 by folder: cat (1), dog (1)" in out
    assert "size         2 sizes, from 4x4 over 4x4 (median) to 4x5 (width x height)" in out
    assert "train auto --data mine\n" in out


def test_what_training_makes_of_the_images_is_said(capsys):
    put("mine", {"a.png": noise(4, 4, 4), "b.png": noise(4, 4), "labels.csv": b"file,label\na.png,cat\nb.png,dog\n"})
    _, out, _ = answer(capsys, "data", "scan", "mine")
    assert "read as      grey (1), colour with alpha (1)" in out
    assert "transparent  1 have transparent pixels: training lays them on white, or keeps alpha with\n" in out
    assert "colour=rgba\nnext: " in out


@pytest.mark.fault
def test_bad_files_are_all_listed_and_end_with_code_3(capsys):
    put("mine", {**GOOD, "cut.png": stored(Image.fromarray(noise(64, 64)))[:200], "empty.png": b""})
    code, out, err = answer(capsys, "data", "scan", "mine", "--json", "found.json")
    assert code == 3
    assert "bad          2 files" in out
    assert "  cut.png: " in out
    assert "  empty.png: it is empty" in out
    assert err == (
        "zerosum: mine has 2 bad files, listed above; mend or remove them, or set them aside with --skip-bad.\n"
    )
    assert json.loads(Path("found.json").read_text())["images"] == 12  # written all the same
    code, out, err = answer(capsys, "data", "scan", "mine", "--skip-bad")
    assert (code, err) == (0, "")
    assert "bad          2 files" in out
    assert "train auto --data 'mine[bad=skip]'" in out


@pytest.mark.fault
def test_no_image_at_all(capsys):
    put("mine", {"notes.txt": b"x"})
    code, out, err = answer(capsys, "data", "scan", "mine", "--skip-bad")
    assert code == 3
    assert "left alone   .txt (1)" in out
    assert "mine holds no image that can be read; give a folder, a zip or a tar of images." in err


@pytest.mark.fault
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "zerosum data needs a verb: scan or pack."),
        (("scn", "mine"), 2, "unknown thing to do with data 'scn'; nearest: scan."),
        (("scan",), 2, "zerosum data scan PATH needs the path of a folder, a zip or a tar."),
        (("scan", "mine", "--skip"), 2, "unknown option '--skip'; nearest: --skip-bad"),
        (("scan", "mine", "--json", "found.txt"), 2, "what is found goes into a .json, got 'found.txt'."),
        (("scan", "gone"), 3, "there is nothing at gone; give a folder, a .zip or a .tar of images."),
    ],
)
def test_mistakes(capsys, words, code, message):
    got, _, err = answer(capsys, "data", *words)
    assert got == code
    assert message in err


def test_help(capsys):
    for words, said in (((), "zerosum data pack PATH OUT"), (("scan",), "--skip-bad"), (("pack",), "--shard")):
        code, out, _ = answer(capsys, "data", *words, "--help")
        assert code == 0
        assert said in out


def test_names_in_any_script_and_names_that_are_none(capsys):
    """A line break or a colour of the terminal in a name does nothing to it."""
    x = noise(4, 4)
    names = ("猫.png", "قطة.png", "🐈.png", "a\x1b[31m\nb.png", "\udcff.png")
    put("mine", dict.fromkeys(names, x))
    code, out, _ = answer(capsys, "data", "scan", "mine", "--json", "found.json")
    assert code == 0
    assert "equal pixels 1 group of 5 images" in out
    assert "\x1b" not in out
    assert set(json.loads(Path("found.json").read_text(encoding="utf-8"))["equal"][0]) == set(names)


def test_groups_of_equal_images_are_cut_too(capsys):
    put("mine", dict.fromkeys(("a.png", "b.png", "c.png"), noise(4, 4)))
    assert "  a.png = b.png = c.png\n" in answer(capsys, "data", "scan", "mine")[1]
    put("mine", {"d.png": noise(4, 4)})
    assert "  a.png = b.png = c.png = ...\n" in answer(capsys, "data", "scan", "mine")[1]


def test_long_lists_are_cut_on_the_page_and_whole_in_the_file(capsys):
    put("mine", {**GOOD, **{f"bad{n:02}.png": b"" for n in range(25)}})
    _, out, _ = answer(capsys, "data", "scan", "mine", "--skip-bad", "--json", "found.json")
    assert "bad09.png" in out
    assert "bad10.png" not in out
    assert "  and 15 more (--json FILE has all)" in out
    assert len(json.loads(Path("found.json").read_text())["bad"]) == 25


def test_labels_of_a_file_and_what_they_lack(capsys):
    archived("mine.zip", {"a.png": noise(4, 4), "b.png": noise(4, 4, seed=1)})
    Path("mine_labels.csv").write_text("file,age,hair\na.png,3,red\nc.png,4,grey\n")
    code, out, _ = answer(capsys, "data", "scan", "mine.zip")
    assert code == 0
    assert "columns age, hair; choose one with --label COLUMN" in out
    code, out, _ = answer(capsys, "data", "scan", "mine.zip", "--label", "hair")
    assert code == 0
    assert "labels       1 by mine_labels.csv: red (1)" in out
    assert "1 image without a label:\n  b.png\n" in out
    assert "1 name in it that no image has:\n  c.png\n" in out


def test_progress_on_a_terminal_only(capsys, monkeypatch):
    put("mine", {f"{n}.png": np.full((2, 2), n, np.uint8) for n in range(30)})
    assert answer(capsys, "data", "scan", "mine")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = answer(capsys, "data", "scan", "mine")[2]
    assert err.endswith("\rlooking at file 30 of 30\n")
    archived("mine.tar", {"a.png": noise(4, 4)})
    assert answer(capsys, "data", "scan", "mine.tar")[2] == "\rlooking at file 1\n"
