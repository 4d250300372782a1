"""Asks every path with every method of the proxy's OpenAPI document, and holds the answers against it.

openapi.py API_URL UPSTREAM_HOST UPSTREAM_PORT
"""

import re
import sys

import jsonschema
import requests

api, host, port = sys.argv[1:]
upstream = "%s:%s" % (host, port)
document = requests.get(api + "/v1/openapi.json", timeout=10).json()
schemas = document["components"]["schemas"]
for schema in schemas.values():
    jsonschema.Draft202012Validator.check_schema(schema)
formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
asked = set()


def template(path):
    """The path of the document that this path is of; literal segments first."""
    for known in sorted(document["paths"], key=lambda known: known.count("{")):
        if re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", known), path):
            return known
    raise AssertionError(path + " is not in the document")


def validate(value, schema):
    whole = {"components": {"schemas": schemas}, **schema}
    jsonschema.Draft202012Validator(whole, format_checker=formats).validate(value)


def ask(method, path, body=None, status=None):
    """Asks, and holds status, content type and body against the document; the body too if it should be good."""
    known = template(path)
    operation = document["paths"][known][method]
    if body is not None and status is None:
        validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
    answer = requests.request(method.upper(), api + path, json=body, timeout=10)
    place = "%s %s: %d %s" % (method, path, answer.status_code, answer.text)
    assert str(answer.status_code) in operation["responses"], place
    good = [code for code in operation["responses"] if code.startswith("2")]
    assert str(answer.status_code) == (str(status) if status else good[0]), place
    response = operation["responses"][str(answer.status_code)]
    if "content" in response:
        ((kind, content),) = response["content"].items()
        assert answer.headers["Content-Type"] == kind, place
        validate(answer.json() if "json" in kind or status else answer.text, content["schema"])
    else:
        assert answer.content == b"", place
    if not status:
        asked.add((method, known))
    return answer


new = {"listen": "127.0.0.1:0", "upstream": upstream}
latency = {"type": "latency", "attributes": {"latency": 5}}
ask("get", "/version")
ask("get", "/metrics")
assert ask("get", "/v1/ca.pem").text.startswith("-----BEGIN CERTIFICATE-----")
ask("get", "/v1/openapi.json")
for base in ["", "/v1"]:
    name = "a" + base.strip("/")
    ask("get", base + "/proxies")
    ask("post", base + "/proxies", {"name": name, **new})
    ask("post", base + "/proxies", {"name": name, **new}, 409)
    ask("post", base + "/proxies", {"name": "", **new}, 400)
    ask("post", base + "/proxies", {"name": "b", "upstream": upstream, "listen": upstream}, 500)
    proxy = "%s/proxies/%s" % (base, name)
    ask("get", proxy)
    ask("get", base + "/proxies/nowhere", status=404)
    for method in ["patch", "post"] if base == "" else ["patch"]:
        ask(method, proxy, {"enabled": True})
        ask(method, proxy, {"enabled": 7}, 400)
        ask(method, base + "/proxies/nowhere", {}, 404)
    ask("get", proxy + "/toxics")
    ask("post", proxy + "/toxics", {"name": "t", **latency})
    ask("post", proxy + "/toxics", {"name": "t", **latency}, 409)
    ask("post", proxy + "/toxics", {"type": "nonsense"}, 400)
    ask("get", proxy + "/toxics")
    ask("get", base + "/proxies")
    toxic = proxy + "/toxics/t"
    ask("get", toxic)
    for method in ["patch", "post"] if base == "" else ["patch"]:
        ask(method, toxic, {"toxicity": 0.5, "attributes": {"jitter": 1}})
        ask(method, toxic, {"attributes": {"jitter": -1}}, 400)
        ask(method, proxy + "/toxics/nothing", {}, 404)
    ask("delete", toxic)
    ask("delete", toxic, status=404)
    ask("delete", proxy)
    ask("delete", proxy, status=404)

ask("post", "/populate", [{"name": "p", **new}])
ask("post", "/populate", [{"name": "p"}], 400)
ask("post", "/populate", [{"name": "q", "upstream": upstream, "listen": upstream}], 500)
ask("post", "/reset")
ask("get", "/v1/leases")
ask("put", "/v1/leases/drill", {"ttl_ms": 60000})
ask("put", "/v1/leases/drill", {"ttl_ms": 0}, 400)
ask("get", "/v1/leases/nobody", status=404)
ask("post", "/v1/leases/drill/faults", {"name": "slow", "proxy": "p", "toxic": latency})
ask("post", "/v1/leases/drill/faults", {"name": "slow", "proxy": "p", "toxic": latency}, 409)
ask("post", "/v1/leases/drill/faults", {"name": "x", "proxy": "nowhere", "toxic": latency}, 404)
ask("post", "/v1/leases/drill/faults", {"name": "x", "proxy": "p", "toxci": latency}, 400)
ask("post", "/v1/leases/drill/faults", {"name": "down", "proxy": "p", "enabled": False})
ask("get", "/v1/leases/drill")
ask("get", "/v1/leases")
ask("patch", "/v1/proxies/p/toxics/slow", {"toxicity": 0}, 409)
ask("patch", "/proxies/p/toxics/slow", {"toxicity": 0}, 409)
ask("get", "/v1/proxies/p")
ask("delete", "/v1/leases/drill/faults/down")
ask("delete", "/v1/leases/drill/faults/nothing", status=404)
ask("delete", "/v1/leases/drill")
ask("delete", "/v1/leases/nobody", status=404)

# What is no JSON is only held against its type.
for path in ["/metrics", "/v1/ca.pem"]:
    (kind,) = document["paths"][path]["get"]["responses"]["200"]["content"]
    answer = requests.get(api + path, timeout=10)
    assert answer.ok and answer.headers["Content-Type"].startswith(kind), path
    asked.add(("get", path))

# A stream has no end to be read to: it has tests of its own.
streams = {("get", "/v1/events")}
every = {(method, path) for path, operations in document["paths"].items() for method in operations}
assert every - asked - streams == set(), sorted(every - asked - streams)
