"""Every fault that a proxy does, each in a scenario, on what it is made for, with traffic of that kind meanwhile.

families.py GAMEDAY FOLDER: runs the drill in the folder; prints each fault with what it has touched and how it ended.
"""

import http.client
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

# What is done, to which proxy; those of one proxy come one after another.
FAULTS = {
    "status": ("web", "http = { status = 503 }"),
    "abort": ("web", 'http = { abort = "reset" }'),
    "truncate": ("web", 'http = { truncate = "1B" }'),
    "bandwidth": ("plain", 'bandwidth = { rate = "1KiB/s" }'),
    "slicer": ("plain", 'slicer = { size = "1B", variation = "0B", delay = "1ms" }'),
    "accept": ("plain", 'accept = { mode = "refuse" }'),
    "limit_data": ("plain", 'limit_data = { bytes = "1B" }'),
    "reset_peer": ("plain", 'reset_peer = { after = "0s" }'),
    "slow_close": ("plain", 'slow_close = { delay = "100ms" }'),
    "certificate": ("tls", 'tls = { certificate = "expired" }'),
    "stall": ("tls", 'tls = { stall = "500ms" }'),
    "loss": ("udp", 'packet_loss = { share = "100%" }'),
    "duplicate": ("udp", 'duplicate = { share = "100%" }'),
    "reorder": ("udp", 'reorder = { share = "50%", delay = "50ms" }'),
    "corrupt": ("udp", 'corrupt = { share = "50%" }'),
    "nxdomain": ("names", 'dns = { rcode = "nxdomain" }'),
    "drop": ("names", "dns = { drop = true }"),
}
OPTIONS = {
    "web": 'protocol = "http"',
    "plain": "",
    "tls": 'tls.terminate = { names = ["pay.example.test"] }',
    "udp": 'protocol = "udp"',
    "names": 'protocol = "dns"',
}


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients are cut off here on purpose."""


def free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def echo(answering):
    while True:
        data, client = answering.recvfrom(2000)
        answering.sendto(data, client)


def again_and_again(ask):
    def run():
        while True:
            try:
                ask()
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)

    threading.Thread(target=run, daemon=True).start()


def get(port):
    urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=1).read()


def shake_hands(port):
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 1) as plain:
        anybody.wrap_socket(plain, server_hostname="pay.example.test").close()


def datagram(port, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0.2)
        one.sendto(data, ("127.0.0.1", port))
        one.recv(2000)


gameday, folder = sys.argv[1:]
good = False
os.chdir(folder)
server = Server(("127.0.0.1", 0), Shop)
threading.Thread(target=server.serve_forever, daemon=True).start()
answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answering.bind(("127.0.0.1", 0))
threading.Thread(target=echo, args=[answering], daemon=True).start()
tcp, udp = server.server_address[1], answering.getsockname()[1]
ports, api = {name: free() for name in OPTIONS}, free()
proxies = [
    '[proxy.%s]\nlisten = "127.0.0.1:%d"\nupstream = "127.0.0.1:%d"\n%s\n'
    % (name, ports[name], udp if name in ("udp", "names") else tcp, options)
    for name, options in OPTIONS.items()
]
pathlib.Path("proxy.toml").write_text("".join(proxies))
due, timeline = dict.fromkeys(OPTIONS, 0), ""
for name, (proxy, fault) in FAULTS.items():
    timeline += '%s = { at = "%ds", hold = "2s", on = "%s", fault.%s }\n' % (name, due[proxy], proxy, fault)
    due[proxy] += 3
targets = "".join('%s = { proxy = "%s", api = "http://127.0.0.1:%d" }\n' % (name, name, api) for name in OPTIONS)
pathlib.Path("families.toml").write_text(
    'title = "families"\n[targets]\n%s[timeline]\n%s[guard]\nmax_duration = "3m"\nlease = "10s"\n' % (targets, timeline)
)
proxy = subprocess.Popen(
    [gameday, "proxy", "--config", "proxy.toml", "--api", "127.0.0.1:%d" % api, "--ca-dir", "ca"],
    stderr=open("proxy.log", "w"),
)
try:
    for _ in range(200):
        try:
            get(api)
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0\3pay\7example\0\0\1\0\1"
    again_and_again(lambda: get(ports["web"]))
    again_and_again(lambda: get(ports["plain"]))
    again_and_again(lambda: shake_hands(ports["tls"]))
    again_and_again(lambda: datagram(ports["udp"], b"x" * 100))
    again_and_again(lambda: datagram(ports["names"], question))
    ran = subprocess.run([gameday, "run", "families.toml", "--yes", "--out", "out"], capture_output=True, text=True)
    (drill,) = pathlib.Path("out").iterdir()
    report = json.loads((drill / "report.json").read_text())
    for fault in report["trials"][0]["faults"]:
        print(fault["name"], fault["touched"], fault["ended"])
    good = ran.returncode == 0 and len(report["trials"][0]["faults"]) == len(FAULTS)
    if not good:
        print(ran.stdout + ran.stderr, file=sys.stderr)
finally:
    proxy.kill()
    sys.stdout.flush()
    sys.stderr.flush()
# Whoever asks again and again is not waited for, nor torn down in mid-handshake.
os._exit(0 if good else 1)
