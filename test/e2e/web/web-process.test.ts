// The process of the web page: it starts with the first connection, has no rights, and never outlives the
// server.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isListening } from "../../peer/test-server.ts";
import { ask, awaitEnd, awaitLog, startWeb, type WebServer, webProcessOf } from "../client/web-rig.ts";

let server: WebServer;

beforeAll(async () => {
  server = await startWeb();
});
afterAll(() => server.stop());

test("while nobody connects, there is no process", () => {
  expect(webProcessOf(server)).toBeUndefined();
});

test("the page is served by HTTPS", async () => {
  const answer = await ask(server, "/");
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toStartWith("text/html");
  expect(answer.text).toContain("<title>minismbd</title>");
  expect(webProcessOf(server)).toBeGreaterThan(0);
});

test("the page is served by HTTP on loopback, too", async () => {
  const answer = await ask(server, "/", { isPlain: true });
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
});

test("it listens where the server does, and nowhere else", async () => {
  expect(await isListening("127.0.0.1", server.webPort)).toBe(true);
  expect(await isListening("127.0.0.2", server.webPort)).toBe(false);
});

test("its threads have neither root's ids nor capabilities, and their system calls are filtered", async () => {
  await ask(server, "/");
  const pid = webProcessOf(server) ?? 0;
  const own = process.getuid?.() ?? 0;
  const uid = own === 0 ? 65_534 : own;
  const threads = readdirSync(`/proc/${pid}/task`);
  expect(threads.length).toBeGreaterThan(0);
  for (const thread of threads) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    const value = (name: string): string =>
      new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1]?.replaceAll("\t", " ") ?? "";
    expect(value("Uid")).toBe([uid, uid, uid, uid].join(" "));
    if (own === 0) expect(value("Groups")).toBe("");
    expect(Number(`0x${value("CapEff")}`) + Number(`0x${value("CapPrm")}`)).toBe(0);
    expect([value("NoNewPrivs"), value("Seccomp")]).toEqual(["1", "2"]);
  }
});

test.if(process.getuid?.() === 0)("it has no file of the server, and not its log", async () => {
  await ask(server, "/");
  const fds = `/proc/${webProcessOf(server) ?? 0}/fd`;
  // A connection may end meanwhile.
  const readLink = (fd: string): string => {
    try {
      return readlinkSync(`${fds}/${fd}`);
    } catch {
      return "";
    }
  };
  const links = readdirSync(fds).map(readLink);
  expect(links).toContain("/dev/null");
  expect(links.filter((link) => link.startsWith(server.directory))).toEqual([]);
  expect(readlinkSync(`${fds}/2`)).toBe("/dev/null");
});

test("a killed process is told in one line of the log, and the next connection starts another", async () => {
  await ask(server, "/");
  const first = webProcessOf(server) ?? 0;
  process.kill(first, "SIGKILL");
  await awaitLog(server, "the web page's process is gone: it was ended by SIGKILL");
  const answer = await ask(server, "/");
  expect(answer.status).toBe(200);
  const second = webProcessOf(server) ?? 0;
  expect([second > 0, second === first]).toEqual([true, false]);
  expect(server.log().split("process is gone")).toHaveLength(2);
});

test("the process ends with a server that is killed", async () => {
  const other = await startWeb();
  await ask(other, "/");
  const pid = webProcessOf(other) ?? 0;
  expect(pid).toBeGreaterThan(0);
  process.kill(other.pid, "SIGKILL");
  await other.stop().catch(() => undefined);
  await awaitEnd(pid);
});
