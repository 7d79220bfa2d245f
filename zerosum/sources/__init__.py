"""Sources of randomness: the distributions that latents are drawn from."""

from zerosum.sources.latents import (
    Labels as Labels,
    Normal as Normal,
    Prior as Prior,
    TruncatedNormal as TruncatedNormal,
    Uniform as Uniform,
)
