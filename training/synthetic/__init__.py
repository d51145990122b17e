"""Rendered hands with perfect labels, from MakeHuman's CC0 body."""
