"""Servers that the probes look at: lines, STARTTLS, gRPC's health service, and HTTP that goes wrong.

Started with a folder of certificates; prints one line of JSON with the ports, and ends when its input closes.
"""

import json
import socket
import socketserver
import ssl
import sys
import threading

from health import health_server


class Lines(socketserver.StreamRequestHandler):
    """Greets as a mail server does and takes EHLO, STARTTLS and QUIT."""

    def handle(self):
        self.connection.sendall(b"220 mail.test ESMTP ready\r\n")
        reader = self.rfile
        while line := reader.readline():
            word = line.strip().upper()
            if word.startswith(b"EHLO"):
                self.connection.sendall(b"250-mail.test\r\n250-STARTTLS\r\n250 AUTH\r\n")
            elif word == b"STARTTLS":
                self.connection.sendall(b"220 go ahead\r\n")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(f"{FOLDER}/good.pem", f"{FOLDER}/good.key")
                self.connection = context.wrap_socket(self.connection, server_side=True)
                reader = self.connection.makefile("rb")
            elif word.startswith(b"PING"):
                self.connection.sendall(b"PONG " + word[5:] + b"\r\n")
            elif word == b"QUIT":
                return


class Raw(socketserver.StreamRequestHandler):
    """HTTP that no server of good manners would say; the path chooses."""

    def handle(self):
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        answers = {
            "/no-length": b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "/http10": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "/cut-off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            "/not-http": b"SSH-2.0-OpenSSH\r\n",
            "/nothing": b"",
            "/headers": b"HTTP/1.1 200 OK\r\nX-A: one\r\nX-A: two\r\nContent-Length: 0\r\n\r\n",
            "/no-location": b"HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nok",
            "/elsewhere": b"HTTP/1.1 301 Gone\r\nLocation: ftp://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        }
        self.connection.sendall(answers.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))


class Silent(socketserver.StreamRequestHandler):
    """Takes everything and says nothing."""

    def handle(self):
        while self.connection.recv(1024):
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


FOLDER = sys.argv[1]
HEALTH = {"grpc": health_server(), "grpcs": health_server(FOLDER)}
ports = {
    "lines": serve(Lines),
    "raw": serve(Raw),
    "silent": serve(Silent),
    **{name: port for name, (_, port) in HEALTH.items()},
}
with socket.socket() as gone:
    gone.bind(("127.0.0.1", 0))
    ports["gone"] = gone.getsockname()[1]
print(json.dumps(ports), flush=True)
sys.stdin.read()
