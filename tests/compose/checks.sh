# shellcheck shell=bash
# Sourced by run.sh and scale.sh: what both say and ask. Needs $python, $work and `logs`, which shows what went wrong.
: "${python:?an interpreter}"

need_tools() {
    local tool
    for tool in podman buildah runc debootstrap; do
        command -v "$tool" >/dev/null && continue
        echo "$tool is missing: apt-get install podman buildah runc debootstrap netavark aardvark-dns" >&2
        exit 2
    done
    [ "$(id -u)" = 0 ] || { echo "debootstrap needs root" >&2; exit 2; }
}

passed=0
check() { # check RULE COMMAND...: the command succeeds
    local rule=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        printf '%4ds  ok      %s\n' "$SECONDS" "$rule"
    else
        printf '%4ds  FAILED  %s\n' "$SECONDS" "$rule"
        tail -n 15 "$work/compose.log"
        logs
        exit 1
    fi
}
step() { printf '%4ds  %s\n' "$SECONDS" "$1"; }
equal() { [ "$1" = "$2" ] || { printf 'expected %s\n     got %s\n' "$2" "$1" && return 1; }; }

free_port() { "$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ready() { "$python" tests/compose/ask.py "$http"; }
sql() { "$python" tests/compose/ask.py "$http" "$1"; }
send() { "$python" tests/compose/spans.py "$1" --grpc "127.0.0.1:$CLAWTRACE_GRPC_PORT" --http "$http"; }
publish_on_free_ports() {
    CLAWTRACE_GRPC_PORT=$(free_port)
    CLAWTRACE_HTTP_PORT=$(free_port)
    export CLAWTRACE_GRPC_PORT CLAWTRACE_HTTP_PORT
    http=http://127.0.0.1:$CLAWTRACE_HTTP_PORT
}
