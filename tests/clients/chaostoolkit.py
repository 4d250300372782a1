"""Drives the proxy through PyPI's chaostoolkit-toxiproxy: chaostoolkit.py API_URL UPSTREAM_HOST UPSTREAM_PORT"""

import sys
from urllib.parse import urlsplit

from chaostoxi.proxy import actions as proxies
from chaostoxi.proxy import probes
from chaostoxi.toxic import actions as toxics

from traffic import KINDS, check_kind, is_refused, raises, round_trip

api, host, port = sys.argv[1:]
by_url = {"toxiproxy_url": api}
by_host = {"toxiproxy_host": urlsplit(api).hostname, "toxiproxy_port": urlsplit(api).port}

assert not probes.proxy_exist("chaos", configuration=by_host)
# It listens on all interfaces unless told otherwise, and says the port in its configuration.
assert proxies.create_proxy("chaos", host, int(port), configuration=by_url)
listen = "127.0.0.1:" + by_url["chaos_PORT"]
assert raises(AssertionError, lambda: proxies.create_proxy("chaos", host, int(port), configuration=by_url))
assert probes.proxy_exist("chaos", configuration=by_host)
assert probes.get_proxy_attribute("chaos", "upstream", configuration=by_url) == "%s:%s" % (host, port)
assert round_trip(listen) < 5

kinds = {
    "latency": lambda name, a: toxics.create_latency_toxic("chaos", name, a["latency"], a["jitter"], configuration=by_url),
    "bandwidth": lambda name, a: toxics.create_bandwith_degradation_toxic("chaos", name, a["rate"], configuration=by_url),
    "slow_close": lambda name, a: toxics.create_slow_connection_close_toxic("chaos", name, a["delay"], configuration=by_url),
    "timeout": lambda name, a: toxics.create_timeout_toxic("chaos", name, a["timeout"], configuration=by_url),
    "slicer": lambda name, a: toxics.create_slicer_toxic(
        "chaos", name, a["average_size"], a["size_variation"], a["delay"], configuration=by_url
    ),
    "limit_data": lambda name, a: toxics.create_limiter_toxic("chaos", name, a["bytes"], configuration=by_url),
    "noop": lambda name, a: toxics.create_toxic("chaos", name, "noop", configuration=by_url),
    "reset_peer": lambda name, a: toxics.create_toxic("chaos", name, "reset_peer", attributes=a, configuration=by_url),
}
assert kinds.keys() == KINDS.keys()
for kind, make in kinds.items():
    assert make("it", KINDS[kind]), kind
    check_kind(kind, KINDS[kind], listen)
    assert toxics.delete_toxic("chaos", "it", configuration=by_url), kind
    assert not toxics.delete_toxic("chaos", "it", configuration=by_url), kind

assert proxies.disable_proxy("chaos", configuration=by_url)
assert is_refused(listen)
assert probes.get_proxy_attribute("chaos", "enabled", configuration=by_url) is False
assert proxies.enable_proxy("chaos", configuration=by_url)
assert round_trip(listen) < 5
assert proxies.modify_proxy("chaos", upstream_address="127.0.0.1:9", configuration=by_url)
assert raises(AssertionError, lambda: proxies.modify_proxy("nowhere", enabled=True, configuration=by_url))
assert raises((AssertionError, ConnectionError), lambda: round_trip(listen))
assert proxies.reset(configuration=by_url)
proxies.delete_proxy("chaos", configuration=by_url)
assert not probes.proxy_exist("chaos", configuration=by_url)
assert is_refused(listen)
