#!/usr/bin/env bash
# Installs what the tests need on Debian or Ubuntu, and starts nothing. Needs root, or sudo.
set -euo pipefail

packages=(postgresql prometheus prometheus-alertmanager python3)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# A python3 that did not come as a package does as well.
command -v python3 >/dev/null && missing=("${missing[@]/python3/}")
read -ra missing <<<"${missing[*]-}"
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
    root=()
elif command -v sudo >/dev/null; then
    root=(sudo)
else
    echo "the tests need the packages ${missing[*]}: run as root, or install them by hand" >&2
    exit 1
fi

# Debian starts a daemon when it is installed; the tests start their own, in folders of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    trap '"${root[@]}" rm -f "$policy"' EXIT
fi

echo "installing ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
