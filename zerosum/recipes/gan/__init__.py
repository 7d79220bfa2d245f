"""Recipes: generator against discriminator: the systems that the field is built on."""
