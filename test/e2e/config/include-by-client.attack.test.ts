// Clients that use the names which they send to reach another file of `include`, or to make the server read without end;
// and files of clients that cannot be used, which never leave a share more open than they would.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/executable.ts";
import { giveToTester, makeDirectory, removeDirectory, TESTER, TESTER2 } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";

const base = makeDirectory("minismbd-include-client-attack");
const data = join(base, "data");
const outside = join(base, "outside");
const place = join(base, "place");
let server: Served;

const BROKEN = {
  "user.tester-a": "[docs\n",
  "user.tester-b": "[docs]\nread only = perhaps\n",
  "user.tester-c": "[global]\nserver signing = mandatory\n",
  "user.tester-d": "[global]\nsmb encrypt = required\n",
  "user.tester-f": "[docs]\nvalid user = somebody\n",
} as const;
const NAMES = [...Object.keys(BROKEN).map((file) => file.slice("user.".length)), "tester-e", "tester-g"];
const USERS = [TESTER, TESTER2, ...NAMES.map((user) => ({ user, password: "x-123456" }))];

beforeAll(async () => {
  mkdirSync(data);
  giveToTester(data);
  const main = `[global]
include = ${place}/machine.%m
include = ${place}/%m/smb.conf
include = ${place}/user.%U
[docs]
path = ${data}
`;
  const open = `[all]\npath = ${data}\n`;
  writeFiles(place, { "smb.conf": main, ...BROKEN });
  writeFiles(base, { "smb.conf": open, "outside/smb.conf": open, "secret.conf": open });
  mkdirSync(join(place, "machine."));
  symlinkSync(join(place, "user.tester-e"), join(place, "user.tester-e"));
  mkdirSync(join(place, "user.tester-g"));
  server = await serveFile(place, "smb.conf", USERS);
});
afterAll(async () => {
  await server?.stop();
  removeDirectory(base);
});

const HOSTILE = [
  "..",
  ".",
  "../outside",
  "/../secret.conf",
  "x/../../outside",
  "..\\outside",
  `${outside}`,
  "a\0b",
  "%U",
];

describe("a machine's name that is a path", () => {
  test.each(HOSTILE)("%j reaches no file of another directory", async (workstation) => {
    expect(await accessOf(server, { ...TESTER, workstation }, "all")).toBe("absent");
    expect(await accessOf(server, { ...TESTER, workstation }, "docs")).toBe("read");
  });

  test("a name of 2,000 characters is cut", async () => {
    const workstation = "n".repeat(2000);
    expect(await accessOf(server, { ...TESTER, workstation }, "docs")).toBe("read");
  });
});

describe("a file of a client that cannot be used", () => {
  test.each(NAMES)("%s may not connect, others may", async (user) => {
    expect(await accessOf(server, { user, password: "x-123456" }, "docs")).not.toMatch(/read|write/);
    expect(await accessOf(server, TESTER, "docs")).toBe("read");
  });

  test("testparm names each of them", () => {
    const { err } = run(["testparm", join(place, "smb.conf")]);
    expect(err).toContain("user.tester-a:1: '[docs' is not a section");
    expect(err).toContain("user.tester-c:2: 'server signing' is the same for all clients");
    expect(err).toContain("user.tester-d:2: 'smb encrypt' is the same for all clients");
    expect(err).toContain("user.tester-f:2: 'valid user' is unknown, write 'valid users'");
    for (const letter of ["a", "c", "d", "e", "g"])
      expect(err).toContain(`clients for whom ${place}/user.tester-${letter} is read may not connect`);
  });
});

test("testparm says that a client chooses the name by which its machine's file is found", () => {
  writeFiles(join(base, "named"), {
    "smb.conf": `[global]\ninclude = ${base}/named/machine.%m\n[docs]\npath = ${data}\n`,
    "machine.den": "[docs]\ninvalid users = games\n",
  });
  const { err } = run(["testparm", join(base, "named/smb.conf")]);
  expect(err).toContain(
    "a client calls itself what it likes, so these files protect nothing; write %I or %U",
  );
});

test("more clients than the server keeps configurations for are served", async () => {
  const many = join(base, "many");
  const files = Array.from({ length: 70 }, (_, at) => [`machine.pc${at}`, `[docs]\ncomment = ${at}\n`]);
  writeFiles(many, {
    "smb.conf": `[global]\ninclude = ${many}/machine.%m\n[docs]\npath = ${data}\n`,
    ...(Object.fromEntries(files) as Record<string, string>),
  });
  const place = await serveFile(many, "smb.conf", [TESTER]);
  for (let at = 0; at < 70; at++)
    expect(await accessOf(place, { ...TESTER, workstation: `PC${at}` }, "docs")).toBe("read");
  await place.stop();
});
