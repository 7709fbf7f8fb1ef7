"""Attribute names that this project defines itself, and the standard ones that its own helpers emit."""
