"""Pieces that GAN recipes share: views of a batch, single terms, options, and the ends of ``build``.

===============================  =====================================================================================
:class:`Views`                   images as the two networks see them: range, label, augmentation, sliced head
:func:`zero_centered_penalty`    R1 and R2, from logits
:class:`ImageOptions`            options of image recipes, the last of their Config
:func:`players`                  the two players; :func:`experiment`
===============================  =====================================================================================

The losses stand in the recipes.
"""

from zerosum.adversarial.building import (
    OUTPUTS as OUTPUTS,
    classes_of as classes_of,
    experiment as experiment,
    players as players,
)
from zerosum.adversarial.options import ImageOptions as ImageOptions, check_options as check_options
from zerosum.adversarial.terms import zero_centered_penalty as zero_centered_penalty
from zerosum.adversarial.views import View as View, Views as Views
