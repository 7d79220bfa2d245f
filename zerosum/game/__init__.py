"""A game: players own moves, each descends its own objective, a schedule says whose turn it is.

==================  ================================================================================================
Objective           a function ``(networks, batch) -> {term: scalar}``; the terms are summed
:class:`Player`     which networks it moves, by which update rule
:class:`Turn`       a player descends an objective: how often, on which data
:class:`Schedule`   whose turn it is: :func:`alternating`, :func:`simultaneous`, :func:`extragradient`,
                    :func:`consensus`
:class:`Game`       all that changes in training; :meth:`Game.play` plays one round
==================  ================================================================================================

Tools of an objective: :func:`still`, :func:`unroll`. Numbers that change: :mod:`zerosum.game.ramps`.
"""

from zerosum.game.accumulator import Reading as Reading
from zerosum.game.coupling import coupled_turns as coupled_turns
from zerosum.game.game import Game as Game, Player as Player
from zerosum.game.gradients import gradients as gradients
from zerosum.game.graphs import Capture as Capture, Graphs as Graphs, Inputs as Inputs
from zerosum.game.modes import Mode as Mode, Precision as Precision
from zerosum.game.networks import (
    Batch as Batch,
    Networks as Networks,
    Objective as Objective,
    Terms as Terms,
    evaluating as evaluating,
    refuse_unlike as refuse_unlike,
)
from zerosum.game.ramps import (
    Ramp as Ramp,
    constant as constant,
    exponential as exponential,
    half_cosine as half_cosine,
    linear as linear,
)
from zerosum.game.schedules import (
    Schedule as Schedule,
    Turn as Turn,
    alternating as alternating,
    consensus as consensus,
    extragradient as extragradient,
    shared_backward as shared_backward,
    simultaneous as simultaneous,
)
from zerosum.game.unroll import Functional as Functional, still as still, unroll as unroll
