"""The program: verbs, exit codes, one sentence per mistake."""

from pathlib import Path

import pytest

from tests.cli.commands import answer
from zerosum import __version__
from zerosum.cli import VERBS, main


def test_help_version_and_verbs(capsys):
    code, out, _ = answer(capsys, "--help")
    assert code == 0
    assert all(f"  {verb}" in out for verb in VERBS)
    assert answer(capsys, "--version")[:2] == (0, f"zerosum {__version__}\n")
    assert answer(capsys)[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("trian", "vanilla"), 2, "unknown verb 'trian'; nearest: train."),
        (("train", "vanila"), 2, "unknown recipe 'vanila'; nearest: vanilla."),
        (
            ("train", "auto", "--width", "8"),
            2,
            "unknown option '--width'",
        ),
        (("train", "vanilla", "--batch-sise", "5"), 2, "unknown option '--batch-sise'; nearest: --batch-size (see"),
        (("train", "vanilla", "--learning-rat=5"), 2, "unknown option '--learning-rat'; nearest: --learning-rate (see"),
        (("train", "vanilla", "more"), 2, "does not take 'more'"),
        (("train", "vanilla", "--k", "0"), 2, "k must be greater than or equal to 1, got 0 (recipe vanilla)."),
        (
            ("train", "vanilla", "--rounds", "-5"),
            2,
            "rounds must be greater than or equal to 1, got -5 (recipe vanilla).",
        ),
        (("train", "vanilla", "--learning-rate", "nan"), 2, "learning_rate must be a finite number, got nan"),
        (
            ("train", "vanilla", "--k", "many"),
            2,
            "k must be a whole number, got 'many' (see zerosum train vanilla --help).",
        ),
        (("train", "vanilla", "--batch_size=1.5"), 2, "batch size must be a whole number, got '1.5' (see"),
        (
            ("train", "vanilla", "--learning-rate", "fast", "--k", "1"),
            2,
            "learning rate must be a number, got 'fast' (see",
        ),
        (
            ("train", "dcgan", "--average-halflife"),
            2,
            "average halflife needs a value (see zerosum train dcgan --help).",
        ),
        (("train", "vanilla", "--out", "--rounds", "3"), 2, "out needs a value (see"),
        (("train", "vanilla", "--out="), 2, "out needs a value (see"),
        (("sample", "run", "--truncation", "much"), 2, "truncation must be a number, got 'much' (see"),
        (
            ("train", "fgan", "--data", "ring", "--divergence", "pearsn"),
            2,
            "unknown divergence 'pearsn'; nearest: pearson",
        ),
        (
            ("train", "fgan", "--data", "ring", "--divergence=pearsn"),
            2,
            "unknown divergence 'pearsn'; nearest: pearson",
        ),
        (("train", "fgan", "--trick", "False"), 2, "unknown option '--trick'; nearest: --no-trick"),
        (("train", "vanilla", "--device", "tpu"), 2, "unknown device 'tpu'; "),
        (("train", "vanilla", "--rounds", "3", "--budget", "3s"), 2, "a run has one goal, got --rounds and --budget"),
        (("train", "vanilla", "--data", "/no/such/path"), 3, "there is no data at '/no/such/path'"),
        (("train", "vanilla", "--data", "digts"), 3, "unknown data set 'digts'; nearest: digits."),
        (("train", "vanilla", "--out", "file", "--rounds", "1"), 4, "--out file is a file; choose another path."),
        (
            ("train", "vanilla", "--out", "file/run", "--rounds", "1"),
            4,
            "--out file/run cannot be written (Not a directory)",
        ),
        (("train", "vanilla", "--out", "/proc/run", "--rounds", "1"), 4, "--out /proc/run cannot be written ("),
        (("sample", "nowhere"), 4, "nowhere is no run folder"),
        (("sample",), 2, "zerosum sample RUN needs the folder of a run."),
        (("sample", "nowhere", "--n", "0"), 2, "n must be greater than or equal to 1, got 0"),
        (("sample", "nowhere", "--out", "grid.jpg"), 2, "samples go into a .png or an .npz, got 'grid.jpg'."),
        (("sample", "nowhere", "--out", "no/grid.png"), 2, "there is no folder 'no' for 'no/grid.png'."),
        (("list", "recipe"), 2, "unknown list 'recipe'; nearest: recipes."),
        (("show",), 2, "zerosum show needs the name of one recipe"),
        (("show", "vanilla2"), 2, "unknown recipe 'vanilla2'; nearest: vanilla."),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else None,
)
def test_a_mistake_is_one_sentence_an_exit_code_and_nothing_written(capsys, words, code, message):
    Path("file").write_text("mine")
    got, _, err = answer(capsys, *words)
    assert got == code, err
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert [p.name for p in Path.cwd().iterdir()] == ["file"]
    assert Path("file").read_text() == "mine"


def test_debug_shows_the_traceback():
    from zerosum.errors import ConfigError

    with pytest.raises(ConfigError):
        main(["train", "vanilla", "--k", "0", "--debug"])
