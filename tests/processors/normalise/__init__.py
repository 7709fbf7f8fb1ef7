"""Dialects and how their signals become sessions."""
