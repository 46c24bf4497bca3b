// `metrics port`: Prometheus' text format over HTTP on the loopback addresses, and nothing there by default.
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { findFreePort, TESTER, type TestServer } from "../../peer/test-server.ts";
import { minismbd, request, startControlled, type ControlledServer } from "../client/control-rig.ts";
import { createFile, mountShare, writeFile } from "../client/raw-files.ts";
import { reload } from "../client/reload-rig.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
afterEach(() => server.stop());

const PACKAGES = "/usr/lib/python3/dist-packages";
const PARSER = `${PACKAGES}/prometheus_client/parser.py`;

async function startWithMetrics(): Promise<{ server: ControlledServer; port: number; url: string }> {
  const port = await findFreePort();
  const started = await startControlled({ parameters: { "metrics port": String(port) } });
  server = started;
  await until(() => isListening(port));
  return { server: started, port, url: `http://127.0.0.1:${port}/metrics` };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error("it does not come");
    await Bun.sleep(20);
  }
}

function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  const socket = connect(port, host);
  return new Promise((resolve) => {
    socket.on("connect", () => resolve(socket.destroy() !== undefined));
    socket.on("error", () => resolve(false));
  });
}

/** All bytes that come back. */
function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  let reply = "";
  socket.on("data", (chunk: Buffer) => (reply += chunk.toString()));
  return new Promise((resolve) => {
    for (const event of ["end", "error", "close"]) socket.on(event, () => resolve(reply));
  });
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = String.raw`\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*")*\}`;
const SAMPLE = new RegExp(String.raw`^(${NAME})(${LABELS})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$`);

test("every line is of the text format's grammar, each metric with its help and type before it", async () => {
  const { url } = await startWithMetrics();
  const response = await fetch(url);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  expect(text.endsWith("\n")).toBe(true);
  const lines = text.slice(0, -1).split("\n");
  expect(lines.length % 3).toBe(0);
  for (let at = 0; at < lines.length; at += 3) {
    const [help = "", type = "", sample = ""] = lines.slice(at, at + 3);
    const [, name = ""] = SAMPLE.exec(sample) ?? [];
    expect(name).toMatch(/^minismbd_[a-z_]+$/);
    expect(help).toStartWith(`# HELP ${name} `);
    // Counters, and they alone, end in _total.
    expect(type).toBe(`# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}`);
  }
});

test.skipIf(!existsSync(PARSER))("Prometheus' own parser reads the values that status has", async () => {
  const { server: controlled, url } = await startWithMetrics();
  const mount = await mountShare(controlled, TESTER, "test");
  await writeFile(mount, await createFile(mount, "film.mkv"), 0, new Uint8Array(50_000));
  const text = await (await fetch(url)).text();
  const script = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps({s.name: [f.type, s.value, s.labels] for f in parse(sys.stdin.read()) for s in f.samples}))
`;
  const child = Bun.spawnSync(["/usr/bin/python3", "-c", script], {
    stdin: Buffer.from(text),
    env: { ...process.env, PYTHONPATH: PACKAGES },
  });
  const found = JSON.parse(child.stdout.toString()) as Record<string, [string, number, object]>;
  const [status] = (await request(controlled.socket, { command: "status" })).items;
  expect(found["minismbd_connections"]).toEqual(["gauge", 1, {}]);
  expect(found["minismbd_opens"]?.[1]).toBe(status?.["opens"] as number);
  expect(found["minismbd_received_bytes_total"]?.[0]).toBe("counter");
  expect(found["minismbd_received_bytes_total"]?.[1]).toBeGreaterThan(50_000);
  expect(found["minismbd_build_info"]).toEqual(["gauge", 1, { version: status?.["version"] }]);
  expect(Object.keys(found).toSorted()).toEqual(
    [...minismbd("status", "--metrics", "--control", controlled.socket).out.matchAll(/^(\w+)/gm)]
      .map(([name]) => name)
      .toSorted(),
  );
  mount.client.close();
});

test("both loopback addresses and no other one listen; another path, method or protocol is refused", async () => {
  const { port } = await startWithMetrics();
  const others = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  expect((await fetch(`http://[::1]:${port}/metrics`)).status).toBe(200);
  for (const { address, internal, scopeid } of others)
    if (!internal && !scopeid) expect([address, await isListening(port, address)]).toEqual([address, false]);
  expect(await isListening(port, "127.0.0.2")).toBe(false);
  const status = async (text: string): Promise<string> => (await exchange(port, text)).split("\r\n")[0] ?? "";
  expect(await status("GET / HTTP/1.1\r\n\r\n")).toBe("HTTP/1.1 404 Not Found");
  expect(await status("POST /metrics HTTP/1.1\r\n\r\n")).toBe("HTTP/1.1 405 Method Not Allowed");
  expect(await status("\xfeSMB\r\n\r\n")).toBe("HTTP/1.1 400 Bad Request");
  expect(await status(`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(20_000)}`)).toStartWith("HTTP/1.1 431");
  expect(await exchange(port, "HEAD /metrics?x=1 HTTP/1.0\n\n")).toMatch(
    /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/,
  );
});

test("connections beyond the limit are closed, clients of shares notice nothing", async () => {
  const { server: controlled, port, url } = await startWithMetrics();
  const silent: Socket[] = [];
  for (let i = 0; i < 100; i++) silent.push(connect(port, "127.0.0.1").on("error", () => undefined));
  await until(async () => silent.filter(({ closed }) => closed).length >= 92);
  const mount = await mountShare(controlled, TESTER, "test");
  await createFile(mount, "letter.txt");
  mount.client.close();
  for (const socket of silent) socket.destroy();
  await until(async () => (await fetch(url).catch(() => undefined))?.status === 200);
});

test("a reload opens, moves and closes the port; one that is taken is logged", async () => {
  server = await startServer();
  const [first, second] = [await findFreePort(), await findFreePort()];
  const use = (port: number): Promise<void> =>
    reload(server, { globals: { "metrics port": String(port) }, shares: { test: { "read only": "no" } } });
  expect(await isListening(first)).toBe(false);
  await use(first);
  await until(() => isListening(first));
  await use(second);
  await until(() => isListening(second));
  expect(await isListening(first)).toBe(false);
  await use(0);
  await until(async () => !(await isListening(second)));
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  await use(port);
  const line = `'metrics port': nothing listens on 127.0.0.1 port ${port} (EADDRINUSE)`;
  await until(async () => server.log().includes(line));
  taken.close();
});
