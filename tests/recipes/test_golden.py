"""Golden values: 20 rounds of every recipe, to catch numerics that change unnoticed.

``ZEROSUM_GOLDEN=write pytest tests/recipes/test_golden.py`` writes them anew; a commit that does so says why.
"""

import os
from pathlib import Path

import pytest

from tests.games import play
from tests.recipes.test_contract import RECIPES, tiny

FOLDER = Path(__file__).parent / "golden"


SETTINGS = {
    "gan": {"learning_rate": 10.0},
    "conditional": {"learning_rate": 4.0},
    "sngan": {"learning_rate": 1e-4},
}
"""Where the published ones would leave everything as it was for 20 rounds, or part after what processors round unlike.
"""


def losses(name):
    experiment, builder = tiny(name, **SETTINGS.get(name, {}))
    lines, images = [], 0
    for _ in range(20):
        images = play(experiment.game, builder, 1, images)
        terms = experiment.game.read().terms
        lines.append("  ".join(f"{term} {value:.6g}" for term, value in terms.items()))
    return lines


@pytest.mark.parametrize("name", RECIPES)
def test_golden_losses(name):
    path = FOLDER / f"{name}.txt"
    lines = losses(name)
    if os.environ.get("ZEROSUM_GOLDEN") == "write":
        path.write_text("\n".join(lines) + "\n")
    kept = path.read_text().splitlines()
    assert len(kept) == 20
    for line, expected in zip(lines, kept, strict=True):
        terms, values = line.split()[::2], [float(v) for v in line.split()[1::2]]
        assert terms == expected.split()[::2]
        assert values == pytest.approx([float(v) for v in expected.split()[1::2]], rel=1e-3)
