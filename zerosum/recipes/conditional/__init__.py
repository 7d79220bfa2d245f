"""Recipes: labels: a generator that is asked for one."""
