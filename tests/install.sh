#!/usr/bin/env bash
# Installs what the tests need on Debian or Ubuntu, and starts nothing. Needs root, or sudo, for packages.
# With `bench` as its argument, also what `just bench-proxy` compares with.
set -euo pipefail
cd "$(dirname "$0")/.."

# A package, and the program that does as well if it did not come as a package.
install_packages() {
    local missing=() peers=()
    [ "${1:-}" != bench ] || peers=(haproxy: nginx: libnginx-mod-stream: wrk:wrk)
    for pair in "${peers[@]}" postgresql: prometheus: prometheus-alertmanager: python3:python3 python3-venv:python3 nodejs:node npm:npm openssl:openssl curl:curl nftables:nft iproute2:ip redis-server:redis-server bind9-dnsutils:dig bind9: bind9-utils: unbound: nginx:nginx prometheus-blackbox-exporter: systemd: chromium: tmux:tmux; do
        local package="${pair%%:*}" program="${pair#*:}"
        [ -n "$program" ] && command -v "$program" >/dev/null && works "$package" && continue
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return

    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "the tests need the packages ${missing[*]}: run as root, or install them by hand" >&2
            exit 1
        }
        root=(sudo)
    fi
    # Debian starts a daemon when it is installed; the tests start their own, in folders of their own.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
        "${root[@]}" chmod 755 "$policy"
        # shellcheck disable=SC2064 # what is to be removed is known now
        trap "${root[*]} rm -f $policy" EXIT
    fi
    echo "installing ${missing[*]}"
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# A Python without its module for environments is not enough.
works() {
    [ "$1" != python3-venv ] || python3 -c 'import ensurepip, venv' 2>/dev/null
}

# Clients of Toxiproxy that others wrote, in the versions that stand in tests/clients, fetched once.
install_clients() {
    local folder=target/clients
    mkdir -p "$folder/node"
    if ! cmp -s tests/clients/package.json "$folder/node/package.json"; then
        echo "installing toxiproxy-node-client and playwright-core into $folder"
        cp tests/clients/package.json "$folder/node/package.json"
        # The copy says that all is there, so it goes when it is not.
        (cd "$folder/node" && npm install --silent --no-audit --no-fund) || { rm "$folder/node/package.json" && return 1; }
    fi
    if ! cmp -s tests/clients/requirements.txt "$folder/python/requirements.txt"; then
        echo "installing toxiproxy-python, chaostoolkit-toxiproxy and jsonschema into $folder"
        python3 -m venv --clear "$folder/python"
        "$folder/python/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
        cp tests/clients/requirements.txt "$folder/python/requirements.txt"
    fi
    if ! cmp -s tests/clients/servers.txt "$folder/servers/requirements.txt"; then
        echo "installing grpcio, websockets, brotli and zstandard into $folder"
        rm -rf "$folder/servers"
        "$folder/python/bin/pip" install --quiet --disable-pip-version-check --target "$folder/servers" -r tests/clients/servers.txt
        cp tests/clients/servers.txt "$folder/servers/requirements.txt"
    fi
}

# Newer ones than Debian stable has, beside those, unpacked only: what they are linked with is in every Debian since 12.
# The event recorder of Alertmanager came with 0.33, and Prometheus 3 answers otherwise than 2.
install_newer() {
    local folder=target/newer
    [ ! -x "$folder/usr/bin/prometheus" ] || [ ! -x "$folder/usr/bin/prometheus-alertmanager" ] || [ ! -x "$folder/usr/bin/promtool" ] || return 0
    echo "unpacking newer prometheus and prometheus-alertmanager into $folder"
    rm -rf "$folder"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/parts"
    local root="$PWD/$folder/apt"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    for suite in forky sid; do
        echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main"
    done >"$root/sources.list"
    local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$root/sources.list" -o "Dir::Etc::sourceparts=$root/parts"
        -o "Dir::State::lists=$root/lists" -o "Dir::Cache=$root/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$root" && "${apt[@]}" download prometheus prometheus-alertmanager promtool)
    for package in "$root"/*.deb; do
        dpkg-deb --extract "$package" "$folder"
    done
    # What was made of lists and packages is not needed any more, and large.
    rm -rf "$root"
}

install_packages "$@"
install_clients
install_newer
