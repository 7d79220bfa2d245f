"""The files of folders, zips and tars: none left out, none written, none that leads elsewhere."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from zerosum.data import members as room
from zerosum.data.members import count, form_of, members
from zerosum.errors import DataError

NAMES = ("a.png", "b/c.JPG", "b/d/e.webp", "قطة.png", "猫/小.png", "🐈\u200d⬛.gif")


def fill(path, names=NAMES):
    """A folder, or an archive by the ending of its path, whose files hold their own names."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, name)
    elif ".tar" in path.name:
        with tarfile.open(path, "w:" + {".tar": "", ".gz": "gz", ".xz": "xz"}[path.suffix]) as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(name.encode())
                archive.addfile(info, io.BytesIO(name.encode()))
    else:
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(name, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["folder", "a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def test_every_file_is_given_with_its_content(name):
    path = fill(Path(name))
    assert {m.name: m.read().decode() for m in members(path)} == {n: n for n in NAMES}
    assert not any(m.aside or m.refused for m in members(path))
    assert count(path) == (None if ".tar" in name else len(NAMES))
    assert [p.name for p in Path().iterdir()] == [name]


@pytest.mark.parametrize("name", ["folder", "a.zip", "a.tar"])
def test_what_is_left_alone(name):
    wanted = {
        "notes.TXT": ".txt",
        "README": "no ending",
        "Thumbs.db": "hidden",
        ".DS_Store": "hidden",
        "b/._c.png": "hidden",
        "labels.csv": "",
        "other.csv": ".csv",
        "c.png": "",
    }
    path = fill(Path(name), wanted)
    assert {m.name: m.aside for m in members(path)} == wanted


def test_a_hidden_folder_is_not_gone_into():
    fill(Path("folder"), ["__MACOSX/a.png", ".git/objects/b.png", "c.png"])
    assert {m.name: m.aside for m in members(Path("folder"))} == {".git": "hidden", "__MACOSX": "hidden", "c.png": ""}
    fill(Path("a.zip"), ["__MACOSX/a.png"])
    assert [m.aside for m in members(Path("a.zip"))] == ["hidden"]


@pytest.mark.fault
@pytest.mark.parametrize("archive", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "b/../../evil.png", "C:/evil.png", "../evil.txt"])
def test_a_name_that_leads_out_is_refused(archive, name):
    path = fill(Path(archive), ["a.png", name, "b.png"])
    assert [(m.name, m.refused) for m in members(path)] == [
        ("a.png", ""),
        (name, "its name leads out of the archive"),
        ("b.png", ""),
    ]
    assert not Path("../evil.png").exists()
    assert [p.name for p in Path().iterdir()] == [archive]


@pytest.mark.fault
def test_a_name_that_leads_out_by_backslashes():
    path = fill(Path("a.zip"), ["..\\evil.png", "b\\c.png"])
    assert [(m.name, bool(m.refused)) for m in members(path)] == [("../evil.png", True), ("b/c.png", False)]


@pytest.mark.fault
def test_links_of_archives_are_refused():
    Path("secret.png").write_text("mine")
    with tarfile.open("a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo(f"link{kind.decode()}.png")
            link.type, link.linkname = kind, str(Path("secret.png").resolve())
            archive.addfile(link)
        device = tarfile.TarInfo("null.png")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
    with zipfile.ZipFile("a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "secret.png")
    tar = [(m.name, m.refused[:12], m.aside) for m in members(Path("a.tar"))]
    assert tar == [
        ("link2.png", "it is a link", ""),
        ("link1.png", "it is a link", ""),
        ("null.png", "", "no regular file"),
    ]
    assert [m.refused for m in members(Path("a.zip"))] == ["it is a link, and links in archives are not followed"]


def test_links_of_a_folder_lead_to_files_only():
    """A link to a folder could lead round in a circle; a pipe would be waited for."""
    fill(Path("folder"), ["a.png"])
    Path("folder/again.png").symlink_to("a.png")
    Path("folder/round").symlink_to(".")
    Path("folder/nowhere.png").symlink_to("gone.png")
    os.mkfifo("folder/pipe.png")
    found = {m.name: m for m in members(Path("folder"))}
    assert found["again.png"].read() == b"a.png"
    assert {n: m.aside for n, m in found.items() if m.aside} == {
        "round": "a link to a folder",
        "pipe.png": "no regular file",
    }
    with pytest.raises(FileNotFoundError):
        found["nowhere.png"].read()


@pytest.mark.fault
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz"])
def test_a_tar_cut_short_gives_what_came_before(name):
    path = Path(name)
    datas = [os.urandom(100_000) for _ in range(4)]
    with tarfile.open(path, "w:" + path.suffix[1:].replace("tar", "")) as archive:
        for n, data in enumerate(datas):
            info = tarfile.TarInfo(f"{n}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[:250_000])
    whole, damaged = [], []

    def read_all():
        for member in members(path):
            try:
                whole.append(member.read() == datas[len(whole)])
            except ValueError as error:
                damaged.append(str(error))

    with pytest.raises(DataError, match=rf"{name} is damaged or cut short .*; fetch or make it again"):
        read_all()
    assert whole == [True, True]
    assert len(damaged) <= 1


@pytest.mark.fault
def test_a_flipped_bit_in_a_zip_spoils_one_file():
    path = fill(Path("a.zip"), ["a.png", "b.png"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", "A" * 100)
        archive.writestr("b.png", "B" * 100)
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"AABA", 1))
    archived = members(path)
    with pytest.raises(ValueError, match=r"it cannot be read from the archive: Bad CRC-32"):
        next(archived).read()
    assert next(archived).read() == b"B" * 100


@pytest.mark.fault
def test_no_more_is_read_than_an_image_can_need(monkeypatch):
    """Zeros that a zip packs a thousandfold."""
    monkeypatch.setattr(room, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(5 << 20))
    archived = members(Path("a.zip"))
    with pytest.raises(ValueError, match="it is larger than 1 MiB"):
        next(archived).read()


def test_a_zip_that_does_not_say_its_names_are_utf8():
    """As some systems make them: the bytes are, the flag is not set."""
    path = fill(Path("a.zip"), ["猫.png"])
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        data[data.index(signature) + place] &= ~0x08
    path.write_bytes(data)
    assert zipfile.ZipFile(path).namelist() != ["猫.png"]
    assert [m.name for m in members(path)] == ["猫.png"]


@pytest.mark.fault
def test_what_is_neither_folder_nor_archive():
    with pytest.raises(DataError, match=r"there is nothing at gone; give a folder, a .zip or a .tar"):
        form_of(Path("gone"))
    Path("a.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"a.zip is no folder, zip or tar, or it is cut short"):
        form_of(Path("a.zip"))
    Path("a.tar.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(DataError, match=r"a.tar.gz is no folder, zip or tar"):
        form_of(Path("a.tar.gz"))
    Path("a.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a.png is one image; give the folder of your images"):
        form_of(Path("a.png"))
