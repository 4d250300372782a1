"""Drives the proxy through PyPI's toxiproxy-python: toxiproxy_python.py API_URL UPSTREAM_HOST UPSTREAM_PORT"""

import sys
from urllib.parse import urlsplit

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from traffic import KINDS, check_kind, is_refused, raises, round_trip

api, host, port = sys.argv[1:]
upstream = "%s:%s" % (host, port)
server = Toxiproxy()
server.update_api_consumer(urlsplit(api).hostname, urlsplit(api).port)
assert server.running()
assert server.version().startswith(b'{"version": "2.')

proxy = server.create(name="python", upstream=upstream)
assert proxy.enabled and proxy.listen.startswith("127.0.0.1:"), proxy.listen
assert raises(ProxyExists, lambda: server.create(name="python", upstream=upstream))
assert raises(InvalidToxic, lambda: server.create(name="", upstream=upstream))
assert server.get_proxy("nowhere") is None
assert server.get_proxy("python").upstream == upstream
assert round_trip(proxy.listen) < 5

entries = [
    {"name": "one", "upstream": upstream, "listen": "127.0.0.1:0"},
    {"name": "two", "upstream": upstream, "listen": "127.0.0.1:0", "enabled": False},
]
assert [made.name for made in server.populate(entries)] == ["one", "two"]
assert not server.get_proxy("two").enabled

for kind, attributes in KINDS.items():
    for stream in ["upstream", "downstream"]:
        proxy.add_toxic(type=kind, stream=stream, attributes=attributes)
        toxic = proxy.get_toxic("%s_%s" % (kind, stream))
        assert (toxic.type, toxic.stream, toxic.toxicity) == (kind, stream, 1), kind
        assert toxic.attributes == attributes, (kind, toxic.attributes)
        if stream == "downstream":
            check_kind(kind, attributes, proxy.listen)
        assert raises(ProxyExists, lambda: proxy.add_toxic(type=kind, stream=stream))
        assert proxy.destroy_toxic(toxic.name)
        assert raises(NotFound, lambda: proxy.destroy_toxic(toxic.name))
    assert proxy.toxics() == {}
assert raises(InvalidToxic, lambda: proxy.add_toxic(type="nonsense"))
assert raises(InvalidToxic, lambda: proxy.add_toxic(type="latency", attributes={"latency": -1}))
assert round_trip(proxy.listen) < 5

with proxy.down():
    assert is_refused(proxy.listen)
assert round_trip(proxy.listen) < 5

proxy.add_toxic(name="t", type="timeout", attributes={"timeout": 0})
assert server.reset()
assert proxy.toxics() == {} and server.get_proxy("two").enabled
server.destroy_all()
assert server.proxies() == {}
assert is_refused(proxy.listen)
