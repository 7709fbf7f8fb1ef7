#!/usr/bin/env bash
# Build the image, bring docker-compose.yml up, send spans with the real exporters, and find them by SQL after a
# restart, a kill and a new container. Needs root, but no container engine of the machine's own: `make compose-test`.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$PWD/.venv/bin/python
work=$(mktemp --directory /var/tmp/compose-test.XXXXXX)
# shellcheck source=tests/compose/engine.sh
. tests/compose/engine.sh
# shellcheck source=tests/compose/checks.sh
. tests/compose/checks.sh
need_tools

logs() { podman logs "$(collector)" 2>&1 | tail -n 30; }
compose() {
    "$work/tools/bin/podman-compose" --project-name compose-test --podman-build-args "$(build_arguments | xargs)" "$@" \
        2>>"$work/compose.log"
}
clawtrace() { compose --profile costcraft run --rm -T --no-deps costcraft "$@"; }
collector() { podman ps --all --quiet --latest --filter label=com.docker.compose.service=collector; }
inside() { podman exec "$(collector)" "$@"; }
inspect() { podman inspect --format "$1" "$(collector)"; }

# stored SESSION...: exactly the spans of these sessions, each once
stored() {
    local counts=$(($# * SPANS_PER_SESSION))
    equal "$(sql 'SELECT count(*), count(DISTINCT span_id), count(DISTINCT trace_id) FROM spans')" \
        "[[$counts, $counts, $#]]"
}
priced() {
    equal "$(sql "SELECT llm_call_count, tool_call_count, input_tokens, output_tokens, unpriced_call_count, cost_usd > 0
                  FROM sessions WHERE session_id = '$1'")" "[[2, 1, 2100, 110, 0, true]]"
}

distilled() {
    mkdir --parents "$work/skill" && cp examples/order_desk/SKILL.md "$work/skill"
    compose --profile costcraft run --rm -T --no-deps --user "$(id -u):$(id -g)" --volume "$work/skill:/work" --workdir /work \
        costcraft distill --skill SKILL.md --out out >/dev/null && [ -s "$work/skill/out/SKILL.md" ]
}

privileges() {
    inside python3 -c 'for line in open("/proc/1/status"):
    if line.startswith(("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs")): print(*line.split())'
}
read_only() { # every place but the two that are meant
    inside python3 -c '
import pathlib, errno
for folder in ("/", "/etc", "/opt/clawtrace", "/usr/local", "/var/lib"):
    try:
        pathlib.Path(folder, "probe").touch()
    except OSError as problem:
        assert problem.errno == errno.EROFS, (folder, problem)
    else:
        raise SystemExit(f"{folder} can be written to")
for folder in ("/tmp", "/data"):
    pathlib.Path(folder, "probe").touch()
    pathlib.Path(folder, "probe").unlink()'
}
healthy() { podman healthcheck run "$(collector)" >/dev/null && equal "$(inspect '{{.State.Health.Status}}')" healthy; }
unhealthy() { ! podman healthcheck run "$(collector)" >/dev/null; }

trap 'remove_engine' EXIT
publish_on_free_ports
SPANS_PER_SESSION=4

make_engine
step "engine of its own: $(podman --version), $(runc --version | head -n 1)"
make_base_image
step "base image from Debian: $(podman images --format '{{.Repository}}:{{.Tag}} {{.Size}}')"
compose build collector >"$work/build.log" || { tail -n 30 "$work"/{build,compose}.log; exit 1; }
step "image built: $(podman images --format '{{.Size}}' clawtrace-otel:local) with its base"

compose up --detach collector >/dev/null
check "the collector is ready" ready
check "no root, no capability, no new privileges" equal "$(privileges | xargs)" \
    "Uid: 10001 10001 10001 10001 Gid: 10001 10001 10001 10001 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1"
check "nothing can be written but /data and /tmp" read_only
check "the health check succeeds" healthy

check "spans over gRPC and HTTP are acknowledged" send first
check "and found by SQL, each once" stored first
check "the costcraft service compiles through the collector" clawtrace compile
check "and the session has its price" priced first
check "the costcraft service reads" equal "$(clawtrace sql --format csv 'SELECT count(*) AS n FROM sessions' | tr -d '\r' | xargs)" "n 1"

check "and distils a mounted skill" distilled

podman kill --signal STOP "$(collector)" >/dev/null
check "a collector that hangs fails it" unhealthy
podman kill --signal CONT "$(collector)" >/dev/null
check "and passes it again once it answers" healthy

stopping=$SECONDS
compose stop collector >/dev/null
check "SIGTERM ends it with exit code 0, in $((SECONDS - stopping)) s" equal "$(inspect '{{.State.ExitCode}}')" 0
compose start collector >/dev/null
check "it starts again" ready
check "and has the session still" stored first

check "a second session is acknowledged" send second
podman kill --signal KILL "$(collector)" >/dev/null
compose start collector >/dev/null
check "killed without warning, it starts again" ready
check "and has what was acknowledged" stored first second

compose down >/dev/null
compose up --detach collector >/dev/null
check "a new container on the old volume is ready" ready
check "and has both sessions" stored first second
check "with their prices" priced first

compose down >/dev/null
refused() { ! CLAWTRACE_TOKEN=another send "$1" 2>/dev/null; }
silent() { # it says why and is started again and again, but never answers
    sleep 10
    podman logs "$(collector)" 2>&1 | grep --quiet "set CLAWTRACE_TOKEN" \
        && ! "$python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/healthz", timeout=5)' "$http" 2>/dev/null
}
export CLAWTRACE_PUBLISH=0.0.0.0
compose up --detach collector >/dev/null
check "published beyond this machine it does not start without a token" silent
compose down >/dev/null
CLAWTRACE_TOKEN=$("$python" -c 'import secrets; print(secrets.token_hex(32))')
export CLAWTRACE_TOKEN
compose up --detach collector >/dev/null
check "with one it does" ready
check "and refuses who does not show it" refused third
check "the costcraft service shows it" clawtrace compile
check "and reads" equal "$(clawtrace sql --format csv 'SELECT count(*) AS n FROM sessions' | tr -d '\r' | xargs)" "n 2"

compose down --volumes >/dev/null
check "taken down, nothing is left" equal "$(podman ps --all --quiet; podman volume ls --quiet)" ""
printf '%d passed, 0 failed\n' "$passed"
