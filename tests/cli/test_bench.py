"""``zerosum bench``: what is printed, what is kept, what is refused."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import answer
from zerosum.api import benches

SMALL = ("--batch-size", "16", "--hidden", "8", "--latent", "4")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    for name, value in {"TURNS": 2, "SECONDS": 1e-3, "ROOFLINE_SECONDS": 1e-3}.items():
        monkeypatch.setattr(benches, name, value)


def test_the_machine_alone(capsys):
    code, out, _ = answer(capsys, "bench")
    assert code == 0
    assert "cores of" in out
    assert out.count("(best ") == 6  # three numbers in two precisions, with one thread
    assert "mode" not in out
    assert list(Path.cwd().iterdir()) == []


def test_a_recipe(capsys):
    code, out, _ = answer(capsys, "bench", "vanilla", "--data", "ring", "--threads", "1", *SMALL)
    assert code == 0
    assert "vanilla on ring" in out
    assert "16 examples a round, " in out
    assert "MFLOP an image" in out
    heads, first, *_ = out[out.index("  mode") :].splitlines()
    assert heads.split("  ")[-1].strip() == "ratio (least to largest)"
    assert first.split()[:3] == ["eager", "1", "float32"]
    assert first.endswith("1.00 (1.00 to 1.00)")
    assert "load  " in out
    assert "of the roofline" in out.splitlines()[-1]
    assert list(Path.cwd().iterdir()) == []


def test_numbers_are_kept_where_asked(capsys):
    code, out, _ = answer(capsys, "bench", "vanilla", *SMALL, "--out", "numbers.json")
    assert code == 0
    assert out.endswith("numbers: numbers.json\n")
    record = json.loads(Path("numbers.json").read_text())
    assert record["config"]["hidden"] == 8
    assert record["rows"][0]["mode"] == "eager"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("vanila",), 2, "unknown recipe 'vanila'; nearest: vanilla."),
        (("vanilla", "--hiden", "3"), 2, "unknown option '--hiden'; nearest: --hidden (see zerosum bench vanilla"),
        (("--data", "ring"), 2, "unknown option '--data'; "),
        (("vanilla", "--data", "digts"), 3, "unknown data set 'digts'; nearest: digits."),
        (("vanilla", "--threads", "0"), 2, "threads must be greater than or equal to 1, got 0"),
        (("--out", "no/numbers.json"), 2, "there is no folder 'no' for 'no/numbers.json'."),
        (("--out", "numbers.txt"), 2, "the numbers go into a .json, got 'numbers.txt'."),
        (("--out", "/proc/numbers.json"), 4, "/proc/numbers.json"),
    ],
    ids=str,
)
def test_a_mistake_is_one_sentence(capsys, words, code, message):
    got, _, err = answer(capsys, "bench", *words)
    assert got == code, err
    assert message in err
    assert "Traceback" not in err


def test_help_lists_the_settings(capsys):
    code, out, _ = answer(capsys, "bench", "vanilla", "--help")
    assert code == 0
    for option in ("--learning-rate", "--data", "--compile", "--threads", "--out"):
        assert option in out
    code, out, _ = answer(capsys, "bench", "--help")
    assert code == 0
    assert "--compile" not in out
