"""The page of checks is the one that its rows make, and says what they say."""

from pathlib import Path

import pytest

from benchmarks.checks import table
from benchmarks.checks.checking import Bound


def test_the_page_is_made_from_the_rows():
    """Remedy: python -m benchmarks.checks.table"""
    assert table.PAGE.read_text() == table.page()


def test_every_bound_is_of_a_check():
    for name, module in table.modules().items():
        assert set(getattr(module, "ASKED", {})) <= set(module.CHECKS), name


def test_a_verdict_counts_the_seeds_that_meet_their_bound():
    rows = [{"seed": s, "seconds": s + 1.0, "figures": {"modes[n=9]": v, "x": 0.5}} for s, v in enumerate((8, 7, 3))]
    (line,) = table._lines("ring", rows, (Bound("modes", least=7),))
    assert line == "| `ring` | modes[n=9] | 8, 7, 3 | ≥ 7 | 0, 1, 2 | 1 to 3 | met by 2 of 3 |"
    assert "missed" in table._lines("ring", rows, (Bound("modes", least=9),))[0]
    assert " met |" in table._lines("ring", rows, (Bound("modes", most=8),))[0]
    assert len(table._lines("ring", rows, ())) == 2
    with pytest.raises(ValueError, match="has no figure 'mode_count'"):
        table._lines("ring", rows, (Bound("mode_count", least=7),))


def test_checks_of_recipes_link_to_their_page():
    links = {line.split("(")[1].split(")")[0] for line in table.page().splitlines() if line.startswith("## [")}
    assert all((Path(table.PAGE).parent / link).exists() for link in links)
