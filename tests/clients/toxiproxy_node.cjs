// Drives the proxy through npm's toxiproxy-node-client: node toxiproxy_node.cjs API_URL UPSTREAM_HOST UPSTREAM_PORT
// The upstream sends back what it gets.
const assert = require("node:assert/strict");
const net = require("node:net");
const { Toxiproxy } = require("toxiproxy-node-client");

const [url, host, port] = process.argv.slice(2);
const upstream = `${host}:${port}`;
const KINDS = {
  latency: { latency: 1000, jitter: 10 },
  bandwidth: { rate: 100 },
  slow_close: { delay: 100 },
  timeout: { timeout: 200 },
  reset_peer: { timeout: 200 },
  slicer: { average_size: 64, size_variation: 32, delay: 10 },
  limit_data: { bytes: 1000 },
  noop: {},
};

/** Milliseconds from a byte sent through the proxy until it is back; "closed" if it never comes. */
function roundTrip(listen) {
  return new Promise((done, fail) => {
    const at = listen.lastIndexOf(":");
    const socket = net.connect({ host: listen.slice(0, at), port: Number(listen.slice(at + 1)), noDelay: true });
    const began = performance.now();
    socket.setTimeout(10_000, () => fail(new Error("nothing for ten seconds")));
    socket.on("connect", () => socket.write("x"));
    socket.on("data", () => { done(performance.now() - began); socket.destroy(); });
    socket.on("close", () => done("closed"));
    socket.on("error", () => done("closed"));
  });
}

async function main() {
  const toxiproxy = new Toxiproxy(url);
  assert.match(await toxiproxy.getVersion(), /^\{"version": "2\./);

  const proxy = await toxiproxy.createProxy({ name: "node", listen: "localhost:0", upstream });
  assert.equal(proxy.enabled, true);
  assert.match(proxy.listen, /^127\.0\.0\.1:[1-9]/);
  await assert.rejects(toxiproxy.createProxy({ name: "node", listen: "localhost:0", upstream }), /status code 409/);
  await assert.rejects(toxiproxy.createProxy({ name: "", listen: "localhost:0", upstream }), /status code 400/);
  await assert.rejects(toxiproxy.get("nowhere"), /status code 404/);
  assert.equal((await toxiproxy.get("node")).upstream, upstream);
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["node"]);
  assert.ok((await roundTrip(proxy.listen)) < 1000);

  const body = (name) => ({ name, listen: "127.0.0.1:0", upstream });
  const populated = await toxiproxy.populate([body("one"), { ...body("two"), enabled: false }]);
  assert.deepEqual(Object.keys(populated), ["one", "two"]);
  assert.equal(populated.two.enabled, false);
  await assert.rejects(toxiproxy.populate([{ name: "three" }]), /status code 400/);

  for (const [type, attributes] of Object.entries(KINDS)) {
    const toxic = await proxy.addToxic({ type, attributes });
    assert.equal(toxic.name, `${type}_downstream`);
    assert.deepEqual(toxic.toJson().attributes, attributes, type);
    assert.equal((await proxy.getToxic(toxic.name)).toxicity, 1);
    await assert.rejects(proxy.addToxic({ type, attributes }), /status code 409/);
    await toxic.remove();
    await assert.rejects(proxy.getToxic(toxic.name), /status code 404/);
  }
  await assert.rejects(proxy.addToxic({ type: "nonsense", attributes: {} }), /status code 400/);
  await assert.rejects(proxy.addToxic({ type: "latency", attributes: { latency: "slow" } }), /status code 400/);

  // 1000 ms with 10 of jitter: less than 990 would mean that the toxic was not there.
  const latency = await proxy.addToxic({ name: "slow", type: "latency", stream: "upstream", toxicity: 1, attributes: KINDS.latency });
  assert.equal(latency.stream, "upstream");
  const slow = await roundTrip(proxy.listen);
  assert.ok(slow >= 989 && slow < 8000, `${slow} ms`);
  const slower = await latency.update({ attributes: { latency: 2500, jitter: 0 }, toxicity: 1 });
  assert.deepEqual(slower.attributes, { latency: 2500, jitter: 0 });
  const more = await roundTrip(proxy.listen);
  assert.ok(more >= 2499 && more < 9000, `${more} ms`);
  const never = await latency.update({ toxicity: 0 });
  assert.equal(never.toxicity, 0);
  assert.ok((await roundTrip(proxy.listen)) < 2499);

  const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
  assert.equal(off.enabled, false);
  assert.equal(await roundTrip(proxy.listen), "closed");
  await proxy.addToxic({ type: "timeout", attributes: { timeout: 0 } });
  await toxiproxy.reset();
  assert.equal((await toxiproxy.get("node")).enabled, true);
  await assert.rejects(proxy.getToxic("slow"), /status code 404/);
  assert.ok((await roundTrip(proxy.listen)) < 1000);

  for (const one of Object.values(await toxiproxy.getAll())) await one.remove();
  assert.deepEqual(await toxiproxy.getAll(), {});
  assert.equal(await roundTrip(proxy.listen), "closed");
}

main().catch((error) => { console.error(error); process.exit(1); });
