"""Plain :class:`torch.nn.Module` networks that know no game."""

from zerosum.networks.attention import SelfAttention as SelfAttention
from zerosum.networks.augment import (
    ADAPTIVE as ADAPTIVE,
    DIFFAUGMENT as DIFFAUGMENT,
    AdaptiveAugmentation as AdaptiveAugmentation,
    augment as augment,
    numbers as numbers,
)
from zerosum.networks.biggan import (
    BigGANGenerator as BigGANGenerator,
    biggan_discriminator as biggan_discriminator,
)
from zerosum.networks.conditional import (
    ConditionalBatchNorm2d as ConditionalBatchNorm2d,
    MatchingHead as MatchingHead,
    ModulatedBatchNorm2d as ModulatedBatchNorm2d,
    ProjectionHead as ProjectionHead,
    standing_statistics as standing_statistics,
)
from zerosum.networks.conditional2014 import (
    ConditionalDiscriminator as ConditionalDiscriminator,
    ConditionalGenerator as ConditionalGenerator,
)
from zerosum.networks.constraints import (
    clip as clip,
    max_column_norm as max_column_norm,
    spectral_norm as spectral_norm,
)
from zerosum.networks.dcgan import (
    dcgan_discriminator as dcgan_discriminator,
    dcgan_generator as dcgan_generator,
)
from zerosum.networks.double_backward import Conv2d as Conv2d, LeakyReLU as LeakyReLU
from zerosum.networks.dropout import Dropout as Dropout
from zerosum.networks.labels import chosen as chosen, one_hot as one_hot
from zerosum.networks.laplacian import BandGenerator as BandGenerator, band_discriminator as band_discriminator
from zerosum.networks.maxout import Maxout as Maxout, MaxoutConv as MaxoutConv
from zerosum.networks.mlp import mlp as mlp, mlp_pair as mlp_pair
from zerosum.networks.pool import Pool as Pool
from zerosum.networks.r3gan import R3GANDiscriminator as R3GANDiscriminator, R3GANGenerator as R3GANGenerator
from zerosum.networks.resample import Blur as Blur, Downsample as Downsample, Upsample as Upsample
from zerosum.networks.resnet import (
    ResNetDiscriminator as ResNetDiscriminator,
    ResNetGenerator as ResNetGenerator,
    attended as attended,
)
from zerosum.networks.resolutions import resolutions as resolutions, widths as widths
from zerosum.networks.running import RunningMean as RunningMean
from zerosum.networks.sliced import SlicedHead as SlicedHead, sliced as sliced
from zerosum.networks.style import StyleDiscriminator as StyleDiscriminator, StyleGenerator as StyleGenerator
