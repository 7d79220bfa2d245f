"""Kinds of values, one file each: images, points, binary values, tokens, waveforms, tables, labels.

A field has a kind; whoever must know something about its values asks the kind.
"""

from zerosum.data.kinds.binary import BINARY as BINARY
from zerosum.data.kinds.image import IMAGE as IMAGE
from zerosum.data.kinds.kind import Kind as Kind
from zerosum.data.kinds.label import LABEL as LABEL, UNLABELLED as UNLABELLED
from zerosum.data.kinds.points import POINTS as POINTS
from zerosum.data.kinds.table import TABLE as TABLE
from zerosum.data.kinds.tokens import TOKENS as TOKENS
from zerosum.data.kinds.waveform import WAVEFORM as WAVEFORM

KINDS: dict[str, Kind] = {kind.name: kind for kind in (IMAGE, POINTS, BINARY, TOKENS, WAVEFORM, TABLE, LABEL)}
"""By the name in JSON."""
