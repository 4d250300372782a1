"""gRPC's health service, as the servers of several tests have it."""

from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def health_server(folder=None):
    """Knows `up`, `down` and itself; with a folder that holds good.pem and good.key, over TLS."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    service = health.HealthServicer()
    service.set("", health_pb2.HealthCheckResponse.SERVING)
    service.set("up", health_pb2.HealthCheckResponse.SERVING)
    service.set("down", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(service, server)
    if folder:
        pair = [(open(f"{folder}/good.key", "rb").read(), open(f"{folder}/good.pem", "rb").read())]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
