"""Real parts that tests of several packages start or send."""
