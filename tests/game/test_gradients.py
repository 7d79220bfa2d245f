"""Gradients of one turn: of the mover's parameters alone."""

import torch

from tests.games import generator, noisy_experiment, plain_gan, same
from zerosum.game import Turn, gradients
from zerosum.losses import r1


def test_gradients_are_those_of_the_sum_of_terms_for_the_mover_alone():
    game, builder = plain_gan()
    turn = game.schedule.turns[1]
    (batch,) = builder.batches(0, 0)[1]
    terms, found = gradients(game, turn, batch)
    assert list(terms) == ["adversarial"]
    expected = torch.autograd.grad(
        generator(game.networks, batch)["adversarial"], list(game.networks.generator.parameters())
    )
    assert same(found, expected)
    assert all(p.grad is None for n in game.networks.values() for p in n.parameters())


def test_gain_scales_the_gradient_but_not_the_term():
    game, builder = plain_gan()
    (batch,) = builder.batches(0, 0)[1]
    terms, found = gradients(game, Turn("generator", generator, gain=3.0), batch)
    plain_terms, plain_found = gradients(game, Turn("generator", generator), batch)
    assert torch.equal(terms["adversarial"], plain_terms["adversarial"])
    for a, b in zip(found, plain_found, strict=True):
        torch.testing.assert_close(a, 3 * b)


def test_identity_23_a_lazy_penalty_has_the_mean_of_one_in_every_round():
    """Due in one round of four, with gain 4: over any four rounds the gradients add up to the same."""
    game, builder = plain_gan()

    def penalty(net, batch):
        return {"r1": r1(net.discriminator, batch["x"])}

    eager, lazy = Turn("discriminator", penalty), Turn("discriminator", penalty, every=4, gain=4)
    (batch,) = builder.batches(0, 0)[0]
    for first in (0, 3, 10):
        sums = []
        for turn in (eager, lazy):
            due = [round for round in range(first, first + 4) if turn.due(round)]
            sums.append([sum(each) for each in zip(*(gradients(game, turn, batch)[1] for _ in due), strict=True)])
        for a, b in zip(*sums, strict=True):
            torch.testing.assert_close(a, b)


def test_rule_3_an_unreached_parameter_counts_as_zero_when_another_turn_reaches_it():
    """A pure R1 turn never reaches the last bias."""
    experiment, builder = noisy_experiment()
    game = experiment.game
    batches = builder.batches(0, 0)
    game.play(batches, builder.examples(0))
    _, found = gradients(game, game.schedule.turns[1], batches[1][0])
    names = [name for name, _ in game.networks.discriminator.named_parameters()]
    assert torch.equal(found[names.index("4.bias")], torch.zeros(1))
