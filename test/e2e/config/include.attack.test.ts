// An included file that cannot be reached is a fault of the configuration, with its place, not an internal error.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { giveToTester, makeDirectory, removeDirectory, TESTER } from "../../peer/test-server.ts";
import { accessOf, serveFile, writeFiles } from "../client/config-rig.ts";

const base = makeDirectory("minismbd-include-attack");
afterAll(() => removeDirectory(base));

test("an included file that became a symbolic link to itself leaves the configuration as it was at a reload", async () => {
  const data = join(base, "data");
  const extra = join(base, "extra.conf");
  mkdirSync(data);
  giveToTester(data);
  writeFiles(base, {
    "smb.conf": `[global]\ninclude = ${extra}\n[data]\npath = ${data}\n`,
    "extra.conf": "[global]\nworkgroup = HOME\n",
  });
  const server = await serveFile(base, "smb.conf", [TESTER]);
  rmSync(extra);
  symlinkSync(extra, extra);
  server.signal("SIGHUP");
  await server.waitFor("the configuration stays as it was");
  expect(server.output()).toMatch(/smb\.conf:2: .*extra\.conf' cannot be reached \(ELOOP\)/);
  expect(await accessOf(server, TESTER, "data")).toBe("read");
  await server.stop();
});
