"""The checks, in the order in which they run and are reported."""

from __future__ import annotations

from tests.reliability import (
    audit,
    bulk,
    burst,
    clock,
    connections,
    container,
    damage,
    disk,
    kills,
    large,
    migrations,
    senders,
    sessions,
    soak,
    speed,
)
from tests.reliability.check import FAULT, INPUT, LOAD, Check
from tests.reliability.fuzz.check import FUZZING
from tests.reliability.suites import SUITES

CHECKS = (
    Check("speed", LOAD, "ingest throughput", speed.ingest, 400),
    Check("connections", LOAD, "1,000 connections at once", connections.thousand),
    Check("burst", LOAD, "a burst beyond capacity", burst.burst, 240),
    Check("long", LOAD, "a session of 100,000 steps", sessions.long, 600),
    Check("quiet", LOAD, "10,000 sessions that go quiet at once", sessions.quiet_together, 600),
    Check("year", LOAD, "a year of session files", bulk.year_imported, 400),
    Check("compile", LOAD, "10,000 stored sessions compiled", bulk.sessions_compiled, 600),
    Check("large", LOAD, "spans with whole conversations", large.large_spans, 240),
    Check("container", LOAD, "a container of 1 GiB", container.small_container, 600),
    Check("soak", LOAD, "a soak at half the capacity", soak.soak, 900),
    Check("kill", FAULT, "kill -9 under load", kills.killed, 240),
    Check("disk", FAULT, "a full disk", disk.full_disk, 180),
    Check("migration", FAULT, "kill -9 during a migration", migrations.killed),
    Check("layouts", FAULT, "files from earlier versions", migrations.earlier),
    Check("damage", FAULT, "damaged files", damage.damaged, 180),
    Check("clock", FAULT, "a clock that jumps", clock.jumps),
    Check("senders", INPUT, "senders that resend, disconnect, stop halfway, cancel", senders.unruly, 240),
    *SUITES,
    Check("audit", INPUT, "dependencies with known vulnerabilities", audit.audited),
    *FUZZING,
)
