"""The version; open to every room."""

__version__ = "0.2.0.dev0"
