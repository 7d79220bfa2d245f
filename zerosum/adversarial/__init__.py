"""What the adversarial recipes share: views of a generator and a discriminator, single terms, and options."""

from zerosum.adversarial.images import (
    ImageConfig as ImageConfig,
    Images as Images,
    classes_of as classes_of,
    refuse_switches as refuse_switches,
)
from zerosum.adversarial.pair import GENERATES as GENERATES, fool as fool, tell_apart as tell_apart
