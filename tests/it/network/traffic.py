"""Sends pseudo-random bytes through an echo on loopback for some seconds, at a steady pace, and checks each of them.

Prints one JSON object: bytes checked, the connection's retransmissions (TCP_INFO), and the longest stall in ms.
Usage: traffic.py PORT SECONDS
"""
import json, random, socket, struct, sys, threading, time

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
PIECE = 1400
TCP_CONGESTION, TCP_MAXSEG, TCP_INFO = 13, 2, 11
TOTAL_RETRANS_AT = 100  # offsetof(struct tcp_info, tcpi_total_retrans), linux/tcp.h


def prepare(sock):
    # The default here may be BBR, which hardly notices loss; and one lost packet is to be one segment.
    sock.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, b"reno")
    sock.setsockopt(socket.IPPROTO_TCP, TCP_MAXSEG, 1448)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def echo(listener):
    peer, _ = listener.accept()
    prepare(peer)
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.close()


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
prepare(listener)
listener.bind(("127.0.0.1", PORT))
listener.listen()
threading.Thread(target=echo, args=(listener,), daemon=True).start()

client = socket.socket()
prepare(client)
client.connect(("127.0.0.1", PORT))
dice = random.Random(7)
checked, stall, end = 0, 0.0, time.monotonic() + SECONDS
while time.monotonic() < end:
    piece, begun = dice.randbytes(PIECE), time.monotonic()
    client.sendall(piece)
    back = b""
    while len(back) < PIECE:
        back += client.recv(PIECE - len(back))
    assert back == piece, "the stream is not what was sent"
    checked += PIECE
    stall = max(stall, time.monotonic() - begun)
    time.sleep(0.001)
info = client.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 256)
retransmitted = struct.unpack_from("I", info, TOTAL_RETRANS_AT)[0]
print(json.dumps({"bytes": checked, "retransmitted": retransmitted, "longest_stall_ms": round(stall * 1000)}))
