// Names of hosts in `hosts allow` and `hosts deny`, and the lists of IPC$.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { startServer } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, TESTER } from "../../peer/test-server.ts";
import { accessOf, type Served, serveWords, writeFiles } from "../client/config-rig.ts";
import { hasSmbclient, runProgram } from "../client/smbclient.ts";

const base = makeDirectory("minismbd-host-names");
const nameless = "no-such-host.invalid";
let server: Served;

beforeAll(async () => {
  mkdirSync(join(base, "data"));
  const share = (name: string, ...lines: string[]) => `[${name}]\npath = ${base}/data\n${lines.join("\n")}\n`;
  const text = [
    share("by-name", `hosts allow = ${hostname()}`, "hosts deny = ALL"),
    share("unknown", `hosts allow = ${nameless}`, "hosts deny = ALL"),
    share("but", `hosts allow = ALL EXCEPT ${hostname()}`, "hosts deny = ALL"),
    "[IPC$]\nhosts allow = 10.99.99.99\nhosts deny = ALL\n",
  ].join("");
  writeFiles(base, { "smb.conf": text });
  // Clients connect from there: Debian gives 127.0.1.1 to the machine's name, and the kernel prefers 127.0.0.1.
  const { address } = await lookup(hostname());
  const own = ["-o", `interfaces = ${address}`];
  const [verb = "", ...words] = serveWords(base, "smb.conf", [TESTER]);
  server = { ...(await startServer([verb, ...own, ...words])), host: address, from: address };
});
afterAll(async () => {
  await server?.stop();
  removeDirectory(base);
});

test("a client whose address is the name's is admitted", async () => {
  expect(await accessOf(server, TESTER, "by-name")).toBe("read");
});

test("a name after EXCEPT keeps its client out", async () => {
  expect(await accessOf(server, TESTER, "but")).toBe("refused");
});

test("a name without an address admits nobody, and the log names it", async () => {
  expect(await accessOf(server, TESTER, "unknown")).toBe("refused");
  expect(server.output()).toContain(`'${nameless}' in 'hosts allow' or 'hosts deny' has no address`);
});

test.skipIf(!hasSmbclient())("the lists of [IPC$] hold for lists of shares", async () => {
  const words = ["smbclient", "--configfile=/dev/null", "-L", server.host, "-p", String(server.port)];
  const { output } = await runProgram([...words, "-U", `${TESTER.user}%${TESTER.password}`]);
  expect(output).toContain("NT_STATUS_ACCESS_DENIED");
  expect(await accessOf(server, TESTER, "by-name")).toBe("read");
});
