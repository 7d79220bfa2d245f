"""Judges: functions of samples and real examples whose name fixes their protocol.

Two results compare only when their names are equal, parameters included.
"""

from zerosum.metrics.metric import Metric as Metric, Result as Result
from zerosum.metrics.modes import high_quality as high_quality, modes as modes
from zerosum.metrics.neighbours import neighbour_classes as neighbour_classes, neighbour_distance as neighbour_distance
from zerosum.metrics.suited import METRICS as METRICS, suited as suited
