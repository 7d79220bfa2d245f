"""Recipes: other objectives of the two players: divergences, ratios, penalties, look-ahead."""
