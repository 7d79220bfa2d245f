"""Recipes of a user for models that are no GANs: small ones, for tests of what every kind of model can be asked."""
