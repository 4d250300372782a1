"""What the scripts of foreign Python clients share: looks at real traffic through a proxy."""

import socket
import time

# The toxics of Toxiproxy, each with all its attributes.
KINDS = {
    "latency": {"latency": 300, "jitter": 10},
    "bandwidth": {"rate": 100},
    "slow_close": {"delay": 100},
    "timeout": {"timeout": 200},
    "reset_peer": {"timeout": 200},
    "slicer": {"average_size": 64, "size_variation": 32, "delay": 10},
    "limit_data": {"bytes": 1000},
    "noop": {},
}


def address(listen):
    host, port = listen.rsplit(":", 1)
    return host.strip("[]"), int(port)


def connect(listen):
    return socket.create_connection(address(listen), timeout=10)


def round_trip(listen, payload=b"x"):
    """Seconds until what was sent is back; the upstream sends back what it gets."""
    with connect(listen) as client:
        began = time.monotonic()
        client.sendall(payload)
        read = 0
        while read < len(payload):
            part = client.recv(65536)
            assert part, "the connection ended after %d bytes" % read
            read += len(part)
        return time.monotonic() - began


def bytes_until_end(listen, payload):
    """How many bytes come back before the connection ends; None when it was reset."""
    read = 0
    try:
        with connect(listen) as client:
            client.sendall(payload)
            while part := client.recv(65536):
                read += len(part)
    except (ConnectionResetError, BrokenPipeError):
        return None
    return read


def is_refused(listen):
    try:
        connect(listen).close()
    except ConnectionRefusedError:
        return True
    return False


def raises(kind, what):
    """Whether calling it raises this class of error."""
    try:
        what()
    except kind:
        return True
    return False


def check_kind(kind, attributes, listen):
    """What this toxic, alone on the downstream, does to real bytes. Lower bounds are strict."""
    if kind == "latency":
        least = (attributes["latency"] - attributes["jitter"]) / 1000
        assert round_trip(listen) >= least
    elif kind == "bandwidth":
        # 100 kB/s: 50,000 bytes cannot come in less than half a second.
        assert round_trip(listen, b"x" * 50_000) >= 0.45
    elif kind == "slow_close":
        with connect(listen) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            began = time.monotonic()
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
            assert time.monotonic() - began >= attributes["delay"] / 1000
    elif kind == "timeout":
        began = time.monotonic()
        assert bytes_until_end(listen, b"x") == 0
        assert time.monotonic() - began >= attributes["timeout"] / 1000
    elif kind == "reset_peer":
        began = time.monotonic()
        assert bytes_until_end(listen, b"x") is None, "it must be a reset"
        assert time.monotonic() - began >= attributes["timeout"] / 1000
    elif kind == "slicer":
        # 640 bytes in pieces of 32 to 96: at least 6 pauses of 10 microseconds, and every byte arrives.
        assert round_trip(listen, b"x" * 640) < 10
    elif kind == "limit_data":
        assert bytes_until_end(listen, b"x" * 5000) == attributes["bytes"]
    else:
        assert round_trip(listen) < 10
