"""What the tests of the command line share."""

from PIL import Image

from zerosum.cli import main

TRAIN = ("train", "vanilla", "--batch-size", "16", "--out", "run")


def answer(capsys, *words):
    """The exit code, what was printed, and the error."""
    try:
        code = main(words)
    except SystemExit as left:
        code = left.code
    out = capsys.readouterr()
    return code, out.out, out.err


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image
