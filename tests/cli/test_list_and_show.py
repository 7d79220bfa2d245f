"""``zerosum list`` and ``zerosum show``."""

import pytest

from tests.cli.commands import answer


def test_lists(capsys):
    assert "vanilla" in answer(capsys, "list", "recipes")[1]
    assert "digits" in answer(capsys, "list", "data")[1]
    assert "modes[n=2500]" in answer(capsys, "list", "metrics")[1]


@pytest.mark.parametrize("recipe", ["vanilla", "mlp_gan"])
def test_show(capsys, recipe):
    code, out, _ = answer(capsys, "show", recipe)
    assert code == 0
    for text in (
        "https://arxiv.org",
        "player generator moves generator by adam",
        "turn 1: discriminator",
        "--learning-rate",
    ):
        assert text in out
    assert "micro-batches and ranks do not change the result" in out


@pytest.mark.parametrize(
    ("recipe", "said"), [("dcgan", "10,000 examples, less at first"), ("wgan_gp", "50,000 examples")]
)
def test_a_half_life_is_a_number_of_examples(capsys, recipe, said):
    code, out, _ = answer(capsys, "show", recipe)
    assert code == 0
    assert f"averaged with a half-life of {said}\n" in out
