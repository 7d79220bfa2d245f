"""The checks of the docs, at the size of a laptop: one module per recipe or subject, each with its ``CHECKS``."""
