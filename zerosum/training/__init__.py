"""Training an experiment: the loop, checkpoints, the run folder, logs and pictures.

This room takes an :class:`Experiment`, never the name of a recipe.
"""

from zerosum.training import fields as fields
from zerosum.training.course import Course as Course
from zerosum.training.experiment import Answer as Answer, Experiment as Experiment
from zerosum.training.feed import Feed as Feed, play_round as play_round
from zerosum.training.folder import RunFolder as RunFolder
from zerosum.training.forecast import Forecast as Forecast, forecast as forecast
from zerosum.training.images import (
    ImageConfig as ImageConfig,
    Images as Images,
    classes_of as classes_of,
    refuse_switches as refuse_switches,
)
from zerosum.training.loop import Goal as Goal, Intervals as Intervals, Run as Run, Training as Training
from zerosum.training.pair import GENERATES as GENERATES, fool as fool, tell_apart as tell_apart
from zerosum.training.ranks import Ranks as Ranks, follow as follow
from zerosum.training.replays import Replay as Replay, replay as replay
from zerosum.training.rounds import Rounds as Rounds
