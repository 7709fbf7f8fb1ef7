"""Collectors on one lake, with a real PostgreSQL and a real S3 server, and what may fail there."""
