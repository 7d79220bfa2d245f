"""Metrics of pairs: an output of the model against its target, example by example."""

from zerosum.metrics.paired.fidelity import (
    psnr as psnr,
    signal_to_noise as signal_to_noise,
    ssim as ssim,
    structural_similarity as structural_similarity,
)
