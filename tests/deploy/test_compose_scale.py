"""deploy/compose.scale.yml and its load balancer's configuration, as far as no container is needed for it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.deploy.otelcol import DEPLOY

_SERVER = re.compile(r"^ +server \S+ (\S+):(\d+)(.*)$", re.MULTILINE)
_HARDENING = ("read_only", "tmpfs", "cap_drop", "security_opt")


def services(file: str) -> dict[str, Any]:
    """Return the services of a compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / file).read_text("utf-8"))["services"]
    return found


def test_requests_go_to_every_collector_and_nowhere_else() -> None:
    """Both protocols are balanced over all collectors, each known to be well by a path that needs no token."""
    collectors = {name for name in services("compose.scale.yml") if name.startswith("collector")}
    configuration = (DEPLOY / "haproxy.cfg").read_text("utf-8")
    servers = _SERVER.findall(configuration)
    for port in ("4317", "4318"):
        assert {host for host, to, _ in servers if to == port} == collectors
    assert all("port 4318" in options for _, to, options in servers if to == "4317")
    assert configuration.count("option httpchk GET /readyz") == 2


def test_only_the_load_balancer_is_published() -> None:
    """Collectors, catalog and storage are reached inside the network alone."""
    published = {name for name, service in services("compose.scale.yml").items() if "ports" in service}
    assert published == {"proxy"}


def test_containers_of_ours_may_do_as_little_as_one_collector() -> None:
    """What `docker-compose.yml` forbids its collector is forbidden here to every container of the same code."""
    one = services("../docker-compose.yml")["collector"]
    for name, service in services("compose.scale.yml").items():
        if service["image"].startswith("clawtrace"):
            assert {key: service[key] for key in _HARDENING} == {key: one[key] for key in _HARDENING}, name
