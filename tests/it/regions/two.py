"""Two regions in network namespaces, set up by the commands of the README; one is cut off, then healed.

    unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc \\
        env GAMEDAY=target/debug/gameday python3 tests/it/regions/two.py

        eu (10.0.0.1) ───┐
                         ├─ a bridge in `net` (10.0.0.254) ─ the service 198.51.100.10:80, the control target 192.0.2.1:443
        us (10.0.0.2) ───┘

Nothing outlives it: the namespaces, their links and every process end with the process that `unshare` made.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

MACHINES = {"10.0.0.1": "eu", "10.0.0.2": "us"}
REGIONS = {"eu-west": "10.0.0.1", "us-east": "10.0.0.2"}
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
GAMEDAY = os.path.abspath(os.environ["GAMEDAY"])
# What is waited for comes within seconds; a busy machine may be slow.
LIMIT_S = 60


def sh(command, **more):
    subprocess.run(["sh", "-ec", command], check=True, **more)


def network():
    sh("mount -t tmpfs none /run && ip link set lo up")
    sh("ip link add br0 type bridge && ip addr add 10.0.0.254/24 dev br0 && ip link set br0 up")
    sh("ip addr add 192.0.2.1/32 dev lo && ip addr add 198.51.100.10/32 dev lo")
    for address, name in MACHINES.items():
        sh(f"""ip netns add {name}
               ip link add to-{name} type veth peer name eth0 netns {name}
               ip link set to-{name} master br0 up
               ip -n {name} link set lo up
               ip -n {name} link set eth0 up
               ip -n {name} addr add {address}/24 dev eth0
               ip -n {name} route add default via 10.0.0.254""")


class Service(http.server.BaseHTTPRequestHandler):
    well = True

    def do_GET(self):
        self.send_response(200 if Service.well else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(address, port):
    server = http.server.ThreadingHTTPServer((address, port), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Control(http.server.BaseHTTPRequestHandler):
    """A connection is all that is wanted of it."""


def control(address, port):
    server = http.server.ThreadingHTTPServer((address, port), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def steps():
    """The README's blocks under this heading: (kind, machine, text)."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        text = readme.read()
    text = text[text.index("**Two regions, step by step.**") :]
    text = text[: text.index("just regions")]
    found = re.findall(r"```(sh|toml)\n# ([^\n]*?)on (\S+)\n(.*?)```", text, re.S)
    return [(kind, file.rstrip(", "), machine, body) for kind, file, machine, body in found]


class Machine:
    def __init__(self, folder, address):
        self.name, self.address = MACHINES[address], address
        self.folder = os.path.join(folder, address)
        os.makedirs(os.path.join(self.folder, "probes"))
        with open(os.path.join(self.folder, "probes/home.toml"), "w", encoding="utf-8") as probe:
            probe.write('every = "1s"\ntimeout = "2s"\n[[step]]\nname = "home"\nget = "http://198.51.100.10/"\n')
        self.environment = {
            **os.environ,
            "PATH": f"{folder}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
            "XDG_STATE_HOME": f"{self.folder}/state",
        }

    def run(self, text, **more):
        command = ["ip", "netns", "exec", self.name, "sh", "-ec", text]
        return subprocess.run(command, cwd=self.folder, env=self.environment, check=True, **more)

    def begin(self, text):
        command = ["ip", "netns", "exec", self.name, "sh", "-ec", "exec " + text]
        out = open(os.path.join(self.folder, "prober.log"), "w", encoding="utf-8")
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=out)

    def verdict(self, region, ask):
        told = self.run(ask.replace("eu-west", region).replace("10.0.0.1", self.address), capture_output=True)
        return json.loads(told.stdout)


def programs(folder):
    """gameday on the PATH; and scp, which copies into the other machine's folder: there is no sshd in a namespace."""
    os.makedirs(f"{folder}/bin")
    os.symlink(GAMEDAY, f"{folder}/bin/gameday")
    with open(f"{folder}/bin/scp", "w", encoding="utf-8") as scp:
        scp.write('#!/bin/sh -e\nfor to in "$@"; do :; done\nfor file in "$@"; do\n')
        scp.write(f'  [ "$file" = "$to" ] || cp "$file" "{folder}/${{to%:}}/"\ndone\n')
    os.chmod(f"{folder}/bin/scp", 0o755)


def short(verdict):
    probe = verdict["probes"][0]
    says = {vote["region"]: vote["says"] + ("" if vote["counts"] else " (does not count)") for vote in probe["regions"]}
    regions = {row["region"]: row["why"] for row in verdict["regions"] if not row["counts"]}
    advisory = " advisory" if probe["advisory"] else ""
    return f"{probe['verdict']}{advisory} {says} {regions or ''}"


def until(machines, ask, what, wanted):
    """Waits until each region says what is wanted of it."""
    began = time.monotonic()
    print(f"--- {what}", flush=True)
    for region, is_so in wanted.items():
        while True:
            verdict = machines[REGIONS[region]].verdict(region, ask)
            if is_so(verdict):
                break
            if time.monotonic() > began + LIMIT_S:
                sys.exit(f"{region} does not say what it should within {LIMIT_S} s: {json.dumps(verdict, indent=1)}")
            time.sleep(0.2)
        print(f"{time.monotonic() - began:5.1f} s  {region}: {short(verdict)}", flush=True)


def word(verdict):
    probe = verdict["probes"][0]
    return probe["verdict"], probe["advisory"]


def excluded(verdict, region):
    return next(row["excluded"] for row in verdict["regions"] if row["region"] == region)


def whole(word_wanted):
    return lambda verdict: word(verdict) == (word_wanted, False) and verdict["counting"] == 2


def never(machines, ask, word_unwanted, seconds):
    """For a while nobody says this for sure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for region, address in REGIONS.items():
            verdict = machines[address].verdict(region, ask)
            if word(verdict) == (word_unwanted, False):
                sys.exit(f"{region} says that the service is {word_unwanted}: {json.dumps(verdict, indent=1)}")
        time.sleep(0.5)


def main():
    network()
    serve("198.51.100.10", 80)
    control("192.0.2.1", 443)
    folder = tempfile.mkdtemp()
    try:
        play(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(folder):
    programs(folder)
    machines = {address: Machine(folder, address) for address in MACHINES}
    ask = None
    for kind, file, address, text in steps():
        machine = machines[address]
        print(f"--- on {address}: {file or text.strip().splitlines()[0]}", flush=True)
        if kind == "toml":
            with open(os.path.join(machine.folder, file), "w", encoding="utf-8") as config:
                config.write(text)
        elif text.startswith("gameday probe"):
            machine.begin(text)
        elif text.startswith("curl"):
            ask = text
        else:
            machine.run(text, stderr=subprocess.DEVNULL)
    time.sleep(1)
    until(machines, ask, "both look", {"eu-west": whole("up"), "us-east": whole("up")})

    sh("ip link set to-us down")
    cut_off = {
        "eu-west": lambda verdict: word(verdict) == ("up", True) and excluded(verdict, "us-east") == "unseen",
        "us-east": lambda verdict: word(verdict) == ("unknown", True) and excluded(verdict, "us-east") == "control",
    }
    until(machines, ask, "us-east is cut off", cut_off)
    never(machines, ask, "down", 5)

    sh("ip link set to-us up")
    until(machines, ask, "the network is back", {"eu-west": whole("up"), "us-east": whole("up")})

    Service.well = False
    until(machines, ask, "the service is down", {"eu-west": whole("down"), "us-east": whole("down")})
    Service.well = True
    until(machines, ask, "and up again", {"eu-west": whole("up"), "us-east": whole("up")})
    print("as the README says", flush=True)


main()
