"""Training an experiment: the loop, stages, batches, checkpoints, the run folder and its logs.

This room takes an :class:`Experiment`, never the name of a recipe.
"""

from zerosum.training.batches import BatchBuilder as BatchBuilder, play_round as play_round
from zerosum.training.distributed import Ranks as Ranks, follow as follow
from zerosum.training.evaluated import Evaluated as Evaluated
from zerosum.training.experiment import Experiment as Experiment
from zerosum.training.folder import RunFolder as RunFolder
from zerosum.training.loop import Goal as Goal, Intervals as Intervals, Run as Run, Training as Training
from zerosum.training.outputs import (
    Density as Density,
    LogProb as LogProb,
    Output as Output,
    OutputFunction as OutputFunction,
)
from zerosum.training.replay import Replay as Replay, replay as replay
from zerosum.training.stages import Rounds as Rounds, Stages as Stages
