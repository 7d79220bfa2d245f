"""Labels by file name: every form they come in, and what is said of the others."""

import json
import unicodedata

import pytest

from zerosum.data.labels import Undecided, label_of, read_labels

WANTED = {"a.png": "cat", "b/c.png": "dog"}


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,cat\nb/c.png,dog\n",
        "\ufefffilename;Class\r\na.png;cat\r\nb/c.png;dog\r\n",
        "label\tname\ncat\ta.png\ndog\tb/c.png",
        "a.png,cat\nb/c.png,dog\n\n",
        'file,label\n"a.png","cat"\n.\\b\\c.png, dog \n'.replace(".\\b\\c", "./b\\c"),
        "file,animal\na.png,cat\nb/c.png,dog\n",
        "file,age,label\na.png,3,cat\nb/c.png,4,dog\n",
    ],
)
def test_a_csv(text):
    assert read_labels(text.encode(), "labels.csv") == WANTED


@pytest.mark.parametrize("held", [WANTED, list(WANTED.items()), {"labels": list(WANTED.items())}])
def test_a_json(held):
    assert read_labels(json.dumps(held).encode(), "LABELS.JSON") == WANTED


def test_numbers_are_labels():
    assert read_labels(b'[["a.png", 6], ["b.png", 0]]', "x.json") == {"a.png": "6", "b.png": "0"}


def test_a_column_is_named_where_there_are_several():
    text = b"file,age,hair\na.png,3,red\n"
    with pytest.raises(Undecided, match=r"it has columns age, hair$"):
        read_labels(text, "labels.csv")
    assert read_labels(text, "labels.csv", "hair") == {"a.png": "red"}
    with pytest.raises(ValueError, match=r"it has no column eyes \(it has: age, hair\)"):
        read_labels(text, "labels.csv", "eyes")


@pytest.mark.parametrize(
    ("data", "name", "cause"),
    [
        (b"\xff\xfe", "a.csv", "it is not UTF-8"),
        (b"", "a.csv", "it names no file"),
        (b"x,y,z\n1,2,3\n", "a.csv", "its header .x, y, z. has none of file, filename"),
        (b"file,label\na.png\n", "a.csv", "row 1 has too few columns"),
        (b"file,label\na.png,cat\na.png,dog\n", "a.csv", "it gives a.png two labels, cat and dog"),
        (b"{", "a.json", "it is no JSON"),
        (b"[1, 2]", "a.json", "it must be"),
        (b'{"a.png": [0, 1]}', "a.json", "a label is a word or a number"),
        (b'{"a.png": null}', "a.json", "a label is a word or a number"),
    ],
)
def test_what_cannot_be_understood(data, name, cause):
    with pytest.raises(ValueError, match=cause):
        read_labels(data, name)


def test_which_entry_belongs_to_a_file():
    labels = {"b/c.png": "path", "d.png": "bare"}
    assert label_of(labels, "b/c.png") == ("b/c.png", "path")
    assert label_of(labels, "top/b/c.png", "top/") == ("b/c.png", "path")
    assert label_of(labels, "any/where/d.png") == ("d.png", "bare")
    assert label_of(labels, "x/c.png") is None
    assert label_of(labels, "b/c.PNG") is None


def test_two_forms_of_one_letter():
    """A Mac takes é apart in names of files."""
    apart, whole = (unicodedata.normalize(form, "café.png") for form in ("NFD", "NFC"))
    assert apart != whole
    for one, other in ((apart, whole), (whole, apart)):
        labels = read_labels(f"file,label\n{one},drink\n".encode(), "labels.csv")
        assert label_of(labels, other) == (whole, "drink")
