"""How a player is scored: adversarial losses on logits and penalties on a critic's slope.

Pure functions of tensors; they know no game. A weight is a factor in the recipe, in sight.
"""

from zerosum.losses.adversarial import (
    ADVERSARIAL as ADVERSARIAL,
    AdversarialLoss as AdversarialLoss,
    minimax as minimax,
    nonsaturating as nonsaturating,
    relativistic_pairing as relativistic_pairing,
)
from zerosum.losses.penalties import r1 as r1, r2 as r2, squared_slope as squared_slope
