"""Outsiders' SQL: what it may ask, and what happens to it when it asks for more."""
