"""TraceCards and trajectories to skill patches to a better SKILL.md, with evidence.

Data comes from `processors` (cards, findings, steps) and from outcomes that an oracle recorded; it goes out as a
SKILL.md, the patches behind it and a report.
"""
