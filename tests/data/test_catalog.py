"""Data sets by name."""

import pytest

from zerosum.data import CATALOG, SPLITS, open_data
from zerosum.errors import DataError

HERE = [name for name, entry in CATALOG.items() if entry.distribution is not None or name == "digits"]
"""Data sets that need no files; the others are in test_known.py."""


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("split", SPLITS)
def test_every_name_opens_in_every_split(name, split):
    data = open_data(name, split, seed=0)
    batch = data.batch(0, 3)
    assert batch["x"].shape == (3, *data.spec.shape)
    assert len(data.fingerprint) == 64


def test_parameters_in_a_name():
    data = open_data("ring[modes=25, std=0.01]")
    assert data.spec.name == "ring[modes=25, radius=2.0, std=0.01]"
    assert data.spec.classes == 25
    assert data.fingerprint == open_data(" ring [ std=0.01,modes=25 ] ").fingerprint
    assert data.fingerprint != open_data("ring").fingerprint
    assert open_data("gaussian[mean=-2]").mixture.means.tolist() == [[-2.0]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dgits", "unknown data set 'dgits'; nearest: digits."),
        ("/no/such/folder", "there is no data at '/no/such/folder'; give a path, or the name of a data set"),
        ("ring[mods=3]", "data 'ring': unknown parameter 'mods'; nearest: modes."),
        ("ring[modes=0]", "data 'ring': modes must be a whole number >= 1, got '0'"),
        ("ring[modes=2.5]", "modes must be a whole number >= 1, got '2.5'"),
        ("ring[std=0]", "std must be a positive number, got '0'"),
        ("gaussian[mean=nan]", "mean must be a number, got 'nan'"),
        ("ring[modes]", "modes must be a whole number >= 1, got ''"),
        ("digits[size=3]", r"data 'digits' takes \[binary=threshold\]"),
        ("ring]", "data must be a name or name.parameter=value, ....*got 'ring]'"),
    ],
)
def test_names_nobody_knows(name, message):
    with pytest.raises(DataError, match=message):
        open_data(name)


def test_an_unknown_split():
    with pytest.raises(DataError, match="unknown split 'tset'; nearest: test"):
        open_data("digits", "tset")
