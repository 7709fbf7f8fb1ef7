# shellcheck shell=bash
# Sourced by run.sh: a container engine of its own under $work, and the base image, which no registry has to serve.
: "${work:?a new folder}" "${python:?an interpreter}"

# Images, containers and networks stay under $work, apart from any that this machine has.
make_engine() {
    export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_FORMAT=docker
    cat >"$CONTAINERS_CONF" <<CONF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
CONF
    cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/containers"
CONF
    "$python" -m venv "$work/tools"
    "$work/tools/bin/python" -m pip install --quiet podman-compose==1.6.0
}

remove_engine() {
    podman rm --all --force --time 0 >/dev/null || true
    podman network prune --force >/dev/null || true
    podman volume prune --force >/dev/null || true
    podman rmi --all --force >/dev/null || true
    umount "$work/storage/overlay" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}

# Bootstrap the Debian that the Dockerfile's base is made of, with its Python, and import it under that base's name.
make_base_image() {
    local base suite mirror
    base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile | sort -u)
    suite=${base##*-}
    # shellcheck disable=SC2016 # apt's placeholders, not the shell's
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' | sed -n 's/^Debian //p' | head -n 1)}
    debootstrap --variant=minbase --include=python3,python3-venv "$suite" "$work/base" ${mirror:+"$mirror"} \
        >"$work/debootstrap.log"
    rm -rf "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/*
    tar -C "$work/base" --exclude='./proc/*' --exclude='./sys/*' -c . | podman import --quiet - "$base" >/dev/null
    rm -rf "$work/base"
}

# What a build needs on a machine without a registry and perhaps with a package index of its own.
build_arguments() {
    echo "--isolation chroot --network host --pull=never"
    "$python" tests/compose/pip_settings.py "$work/pip.conf" | sed 's/^/--volume /'
}
