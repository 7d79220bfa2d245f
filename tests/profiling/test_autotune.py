"""Autotune: how threads and mode are chosen, from measurements."""

import pytest

from zerosum.profiling import autotune


def test_rates_play_every_contestant_by_turns():
    played = []
    seen = autotune.rates([lambda rounds, n=n: played.append(n) or rounds for n in (1, 2)])
    assert len(seen) == 2
    assert all(rate > 0 for rate in seen)
    assert played[:2] == [1, 2]


@pytest.mark.parametrize(
    ("seen", "chosen"),
    [({1: 100.0, 2: 104.0}, 1), ({1: 100.0, 2: 106.0}, 2), ({1: 10.0, 2: 19.0, 4: 19.5, 8: 12.0}, 2), ({1: 5.0}, 1)],
)
def test_the_fewest_threads_that_are_about_as_fast_as_any(seen, chosen):
    assert autotune.fewest(seen) == chosen


def never():
    raise AssertionError("nothing is compiled")


@pytest.mark.parametrize(
    ("facts", "mode", "reason"),
    [
        (("cpu", 1, False, 1e6), "eager", "an update rule of from_torch can be neither recorded nor traced"),
        (("cpu", 2, True, None), "eager", "2 ranks meet in every round"),
        (("cuda", 2, True, 1e6), "eager", "2 ranks meet in every round, which is neither recorded nor traced yet"),
        (("cuda", 1, True, 1.0), "graph", "recorded rounds are those of the eager mode to the bit"),
        (("mps", 1, True, 1e6), "eager", "there is nothing else on mps"),
        (
            ("cpu", 1, True, 1199.0),
            "eager",
            "1,199 s of training are forecast, and compiling, about 60 s, pays in 1,200 s",
        ),
    ],
)
def test_a_mode_with_its_reason(facts, mode, reason):
    chosen, why = autotune.mode(*facts[:3], lambda: facts[3], compiled=never)
    assert chosen == mode
    assert why.startswith(reason)


def test_a_long_training_on_a_cpu_is_compiled_where_a_trial_shows_that_it_pays():
    assert autotune.mode("cpu", 1, True, lambda: 5000.0, lambda: 1.3) == (
        "compile",
        "the compiled round was tried and is 1.30 times as fast",
    )
    assert autotune.mode("cpu", 1, True, lambda: 5000.0, lambda: 1.04) == (
        "eager",
        "the compiled round was tried and is 1.04 times as fast",
    )

    def fails():
        raise RuntimeError("g++ not found\nand a long story")

    assert autotune.mode("cpu", 1, True, lambda: 5000.0, fails) == ("eager", "compiling failed (g++ not found)")
