"""Exploring a trained generator through its latents: walks from sample to sample, and the whole of a plane of them."""

from zerosum.latent.walks import (
    PATHS as PATHS,
    lerp as lerp,
    manifold as manifold,
    slerp as slerp,
    smoothness as smoothness,
    walk as walk,
)
