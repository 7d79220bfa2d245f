"""The game: players move networks, each descends its own objective, a schedule says in which order.

==================  ================================================================================================
Objective           a function ``(networks, batch) -> {term: scalar}``; the terms are summed
:class:`Player`     moves networks by an update rule
:class:`Turn`       a player descends an objective: how often, on which data
:class:`Schedule`   the order of turns: :func:`alternating`, :func:`simultaneous`, :func:`extragradient`,
                    :func:`consensus`
:class:`Game`       all that changes in training; :meth:`Game.play` plays one round
==================  ================================================================================================

Tools of an objective: :func:`still`, :func:`unroll`. Numbers that change: :mod:`zerosum.game.ramps`.
"""

from zerosum.game.accumulator import Reading as Reading
from zerosum.game.batch_dependence import batch_dependent_turns as batch_dependent_turns
from zerosum.game.execution import Capture as Capture, Mode as Mode, Precision as Precision
from zerosum.game.game import Game as Game, Round as Round
from zerosum.game.gradients import gradients as gradients
from zerosum.game.graph import Graphs as Graphs, Inputs as Inputs
from zerosum.game.ramps import (
    Ramp as Ramp,
    constant as constant,
    exponential as exponential,
    half_cosine as half_cosine,
    linear as linear,
)
from zerosum.game.schedules import (
    alternating as alternating,
    consensus as consensus,
    extragradient as extragradient,
    simultaneous as simultaneous,
)
from zerosum.game.turn import (
    Batch as Batch,
    Networks as Networks,
    Objective as Objective,
    Player as Player,
    Schedule as Schedule,
    Terms as Terms,
    Turn as Turn,
    check_signature as check_signature,
    evaluating as evaluating,
)
from zerosum.game.unroll import Functional as Functional, still as still, unroll as unroll
