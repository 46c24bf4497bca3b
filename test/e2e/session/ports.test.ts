// `tcp port` with several ports: each serves, and all or none of an address are taken.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type Server, startServer } from "../../cli/executable.ts";
import { findFreePort, isListening } from "../../peer/test-server.ts";
import { mountShare } from "../client/raw-files.ts";

const USER = { user: "anna", password: "secret" };
const directory = mkdtempSync(join(tmpdir(), "minismbd-ports-"));
let ports: number[] = [];
let server: Server;

function configure(name: string, words: readonly (number | string)[]): string[] {
  const file = join(directory, name);
  writeFileSync(
    file,
    `[global]\n  tcp port = ${words.join(" ")}\n\tinterfaces = 127.0.0.1\n\tbind interfaces only = yes\n` +
      `[docs]\n\tpath = ${directory}/docs\n[user:anna]\n\tpassword = secret\n`,
  );
  return ["serve", "-C", file, "-P", join(directory, "ksmbdpwd.db")];
}

beforeAll(async () => {
  mkdirSync(join(directory, "docs"));
  ports = [await findFreePort(), await findFreePort(), await findFreePort()];
  server = await startServer(configure("several.conf", [ports[0] ?? 0, ports[1] ?? 0, 139]));
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

test("a client is served on each of the ports, and the first one is the server's", async () => {
  expect(server.port).toBe(ports[0] ?? 0);
  for (const port of ports.slice(0, 2)) {
    const mount = await mountShare({ host: "127.0.0.1", port }, USER, "docs");
    mount.client.close();
  }
});

test("where one of the ports is taken the server does not start, and says which", async () => {
  const [taken, free] = [ports[1] ?? 0, ports[2] ?? 0];
  const { status, err } = run(configure("taken.conf", [free, taken]));
  expect([status, err]).toEqual([1, expect.stringContaining(`port ${taken} is taken by another program`)]);
  expect(await isListening("127.0.0.1", free)).toBe(false);
});
