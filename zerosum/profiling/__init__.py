"""Speed and cost of a game: timing, roofline, operation counts, autotune, forecast."""
