"""Losses: adversarial losses on logits, f-divergences, comparisons, penalties on gradients and weights.

Pure functions of tensors; they know no game. A weight is a factor in the recipe, in sight.
"""

from zerosum.losses.adversarial import (
    AdversarialLoss as AdversarialLoss,
    energy as energy,
    hinge as hinge,
    least_squares as least_squares,
    least_squares_pearson as least_squares_pearson,
    maximum_likelihood as maximum_likelihood,
    minimax as minimax,
    nonsaturating as nonsaturating,
    reverse_kl as reverse_kl,
    wasserstein as wasserstein,
)
from zerosum.losses.comparisons import COMPARISONS as COMPARISONS, Comparison as Comparison, mmd as mmd
from zerosum.losses.criteria import noise_contrastive as noise_contrastive, self_contrastive as self_contrastive
from zerosum.losses.divergences import DIVERGENCES as DIVERGENCES, FDivergence as FDivergence
from zerosum.losses.penalties import (
    consistency as consistency,
    dragan as dragan,
    gradient_penalty as gradient_penalty,
    interpolate as interpolate,
    orthogonal as orthogonal,
    path_lengths as path_lengths,
    pulling_away as pulling_away,
    r1 as r1,
    r2 as r2,
    squared_gradient_norm as squared_gradient_norm,
)
from zerosum.losses.relativistic import (
    relativistic_average as relativistic_average,
    relativistic_average_hinge as relativistic_average_hinge,
    relativistic_average_least_squares as relativistic_average_least_squares,
    relativistic_pairing as relativistic_pairing,
    relativistic_pairing_hinge as relativistic_pairing_hinge,
    relativistic_pairing_least_squares as relativistic_pairing_least_squares,
)

ADVERSARIAL = {
    loss.name: loss
    for loss in (
        minimax,
        nonsaturating,
        maximum_likelihood,
        reverse_kl,
        least_squares,
        least_squares_pearson,
        hinge,
        wasserstein,
        relativistic_pairing,
        relativistic_pairing_least_squares,
        relativistic_pairing_hinge,
        relativistic_average,
        relativistic_average_least_squares,
        relativistic_average_hinge,
    )
}
"""The pairs by name, for recipes that offer a choice."""
