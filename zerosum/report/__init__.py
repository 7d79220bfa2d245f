"""The report of a run as one HTML page, and the pieces it is made of: HTML, SVG plots, pictures."""
