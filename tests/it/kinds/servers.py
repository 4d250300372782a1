"""gRPC's health service and WebSockets, each with and without TLS.

Started with a folder that holds good.pem and good.key; prints one line of JSON with the ports, and ends when its
input closes.
"""

import asyncio
import json
import ssl
import sys
from concurrent import futures

import grpc
from health import health_server
from websockets.asyncio.server import serve
from websockets.exceptions import NegotiationError


def bare_server():
    """gRPC without a health service."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


async def talk(socket):
    """Greets with the subprotocol and the token that it was shown, and says everything back in capitals."""
    token = socket.request.headers.get("X-Token", "no token")
    await socket.send(f"hello {socket.subprotocol or 'anybody'}, {token}")
    async for message in socket:
        if message == "leave me":
            await socket.close(4001, "as you like")
            return
        await socket.send(message.upper())


def choose(_, offered):
    """One that both know; without any offer, none is needed."""
    known = [one for one in offered if one in ("v2.chat", "v1.chat")]
    if offered and not known:
        raise NegotiationError("no common subprotocol")
    return known[0] if known else None


async def websocket_server(context):
    server = await serve(talk, "127.0.0.1", 0, select_subprotocol=choose, ssl=context)
    return server, server.sockets[0].getsockname()[1]


async def main():
    folder = sys.argv[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/good.pem", f"{folder}/good.key")
    servers = {
        "grpc": health_server(),
        "grpcs": health_server(folder),
        "bare": bare_server(),
        "ws": await websocket_server(None),
        "wss": await websocket_server(context),
    }
    print(json.dumps({name: port for name, (_, port) in servers.items()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
