#!/usr/bin/env bash
# Bring deploy/compose.scale.yml up: two collectors on one lake behind a load balancer. Send with the real exporters, count by
# SQL without a collector, and kill and stop collectors meanwhile. As root: `make compose-scale-test`.
#
# HAProxy, PostgreSQL and object storage are stand-ins from Debian and PyPI under the names of their images (standins/).
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$PWD/.venv/bin/python
work=$(mktemp --directory /var/tmp/compose-test.XXXXXX)
# shellcheck source=tests/compose/engine.sh
. tests/compose/engine.sh
# shellcheck source=tests/compose/checks.sh
. tests/compose/checks.sh
need_tools

file=deploy/compose.scale.yml
logs() { for name in collector-1 collector-2 proxy postgres storage; do podman logs "$(container "$name")" 2>&1 | tail -n 8; done; }
compose() {
    "$work/tools/bin/podman-compose" --project-name compose-scale-test --file "$file" \
        --podman-build-args "$(build_arguments | xargs)" "$@" 2>>"$work/compose.log"
}
container() { podman ps --all --quiet --latest --filter "label=com.docker.compose.service=$1"; }
# A reader of its own, straight on the lake: no collector has a part in it.
clawtrace() { compose --profile costcraft run --rm -T --no-deps costcraft "$@"; }
rows() { clawtrace sql --format csv "$1" | tr -d '\r' | tail -n 1; }
build() { # build NAME DOCKERFILE CONTEXT
    # shellcheck disable=SC2046 # one word for each argument
    buildah bud $(build_arguments) --tag "$1" --file "$2" "$3" >>"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; exit 1; }
}
stand_ins() {
    local name
    for name in haproxy postgres minio; do
        build "$(sed -n "s#^ *image: \(docker.io/.*/$name:.*\)#\1#p" "$file")" "tests/compose/standins/$name.Dockerfile" tests/compose/standins
    done
}

healthy() { for name in collector-1 collector-2; do podman healthcheck run "$(container "$name")" >/dev/null || return 1; done; }
soon() { # soon COMMAND...: it succeeds within ten minutes, which a busy machine may need
    local limit=$((SECONDS + 600))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$limit" ] || return 1
        sleep 0.5
    done
}
received() { podman exec "$(container "$1")" python3 -c "
import os, urllib.request
asked = urllib.request.Request('http://127.0.0.1:4318/metrics', headers={'Authorization': 'Bearer ' + os.environ['CLAWTRACE_TOKEN']})
lines = urllib.request.urlopen(asked).read().decode().splitlines()
print(sum(int(float(line.split()[-1])) for line in lines if line.startswith('clawtrace_received_records_total')))"; }
both_receive() { [ "$(received collector-1)" -gt 0 ] && [ "$(received collector-2)" -gt 0 ]; }

start_load() { # in the background: start_load FIRST_EXPORT EXPORTS
    : >"$work/progress"
    "$python" -m tests.compose.load "$1" "$2" "$work/progress" --grpc "127.0.0.1:$CLAWTRACE_GRPC_PORT" --http "$http" \
        >"$work/load.out" 2>"$work/load.log" &
    load=$!
}
acknowledged() { [ "$(cat "$work/progress")" -ge "$1" ] 2>/dev/null; }
load_ends() { wait "$load" || { tail -n 5 "$work/load.log"; return 1; }; }
stored() { equal "$(rows 'SELECT count(*), count(DISTINCT span_id) FROM spans')" "$1,$1"; }

# Containers that others depend on are removed by nobody but compose.
trap 'compose down --timeout 1 --volumes >/dev/null || true; remove_engine' EXIT
publish_on_free_ports
for name in CLAWTRACE_PG_PASSWORD CLAWTRACE_S3_PASSWORD CLAWTRACE_TOKEN; do
    export "$name=$("$python" -c 'import secrets; print(secrets.token_hex(16))')"
done

make_engine
make_base_image
step "base image from Debian"
build clawtrace-otel:local Dockerfile .
build clawtrace-otel-lake:local deploy/lake.Dockerfile .
step "images built: $(podman images --format '{{.Size}}' clawtrace-otel-lake:local)"
stand_ins
step "stand-ins built: $(podman images --format '{{.Repository}}:{{.Tag}}' --filter reference='docker.io/*/*:*' | xargs)"

compose up --detach --no-build >/dev/null
check "through the load balancer a collector is ready" soon ready
check "both collectors are healthy" soon healthy
check "spans over gRPC and HTTP are acknowledged" send first
check "a reader without a collector finds each once" stored 4
check "a command without a collector compiles it" clawtrace compile
check "and it has its price" equal "$(rows "SELECT llm_call_count, cost_usd > 0 FROM sessions WHERE session_id = 'first'")" "2,true"

start_load 0 100
check "under load spans are acknowledged" soon acknowledged 800
podman kill --signal KILL "$(container collector-1)" >/dev/null
step "collector-1 killed at $(cat "$work/progress") of 4000 acknowledged spans"
check "everything else is acknowledged by the other" load_ends
step "spans acknowledged, exports that had to be done again: $(cat "$work/load.out")"
check "nothing acknowledged is lost, nothing counted twice" stored 4004
compose start collector-1 >/dev/null
check "the killed collector comes back" soon healthy

start_load 100 100
check "under load spans are acknowledged again" soon acknowledged 800
podman stop --time 60 "$(container collector-2)" >/dev/null &
stopping=$!
step "collector-2 asked to stop at $(cat "$work/progress") of 4000 acknowledged spans"
check "everything else is acknowledged by the other" load_ends
step "spans acknowledged, exports that had to be done again: $(cat "$work/load.out")"
check "nothing acknowledged is lost, nothing counted twice" stored 8004
wait "$stopping"
check "it ended with exit code 0" equal "$(podman inspect --format '{{.State.ExitCode}}' "$(container collector-2)")" 0
compose start collector-2 >/dev/null
check "the stopped collector comes back" soon healthy

start_load 200 40
check "with both there all is acknowledged" load_ends
check "both took some of it" both_receive
check "and each span is there once" stored 9604
check "lake compact runs beside them" clawtrace lake compact
check "lake clean-up runs beside them" clawtrace lake clean-up --older-than-hours 1
check "and changes no count" stored 9604
all_sessions() { equal "$(rows 'SELECT count(*), count(DISTINCT session_id), sum(llm_call_count) FROM sessions')" "2401,2401,4802"; }
check "the collectors have compiled every session, once" soon all_sessions
check "who shows no token is refused" equal "$(CLAWTRACE_TOKEN=another send last 2>/dev/null || echo refused)" refused

compose down --volumes >/dev/null
check "taken down, nothing is left" equal "$(podman ps --all --quiet; podman volume ls --quiet)" ""
printf '%d passed, 0 failed\n' "$passed"
