"""Types of configuration fields that say their range; out of it the command line answers with one sentence."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
"""1, 2, 3, ..."""

Layers = Annotated[int, Field(ge=1, le=1000)]
"""1, 2, 3, ..., of what is made one by one, up to 1,000."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A finite number above 0."""

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number, 0 or above."""

Decay = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A decay rate in [0, 1)."""

NonNegativeCount = Annotated[int, Field(ge=0)]
"""0, 1, 2, ..."""

Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A share or a probability in [0, 1)."""
