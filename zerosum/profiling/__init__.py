"""How fast a game runs and what it costs: timing, roofline, operation counts, autotune, forecast."""
