"""Feeds: the batches of any round from its number and its position."""

import torch

from tests.games import noisy_experiment, play
from zerosum.training import play_round


def test_a_feed_has_no_state():
    (one, builder), (_, other) = noisy_experiment(), noisy_experiment()
    examples = play(one.game, builder, 5)
    for a, b in zip(builder.batches(5, examples), other.batches(5, examples), strict=True):
        for x, y in zip(a, b, strict=True):
            assert x.keys() == y.keys()
            assert all(torch.equal(x[name], y[name]) for name in x if name != "examples")


def test_images_of_a_round_are_its_data_batches():
    _, builder = noisy_experiment()
    assert builder.examples(0) == builder.examples(1) == 3 * 16


def test_latents_live_in_the_batch_of_their_own_update():
    _, builder = noisy_experiment()
    batches = builder.batches(0, 0)
    assert [len(repeats) for repeats in batches] == [2, 1, 1]
    assert [len(repeats) for repeats in builder.batches(1, 48)] == [2, 0, 1]
    latents = [b["z"] for repeats in batches for b in repeats]
    assert all(not torch.equal(latents[0], z) for z in latents[1:])
    assert torch.equal(batches[0][0]["x"], batches[1][0]["x"])
    assert not torch.equal(batches[0][0]["x"], batches[2][0]["x"])


def test_what_networks_draw_inside_differs_by_round_and_seed_and_comes_again():
    def drawn(seed, rounds):
        experiment, builder = noisy_experiment()
        builder.seed = seed
        seen, examples = [], 0
        for _ in range(rounds):
            examples = play_round(experiment.game, builder, examples)
            seen.append(float(torch.rand(())))  # where the default generator stands after the round's dropout
        return seen

    first = drawn(0, 8)
    assert first == drawn(0, 8)
    assert len(set(first)) == 8
    assert not set(first) & set(drawn(1, 8))
