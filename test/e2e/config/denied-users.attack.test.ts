// Lists that take rights away, with every form in which smb.conf(5) names a user or a group: no form leaves the right.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { giveToTester, makeDirectory, removeDirectory, TESTER, type User } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";

/** An account, and a group with the same name, of every Debian. */
const GAMES: User = { user: "games", password: "Correct-Horse-9" };

const FORMS = [
  "games",
  "@games",
  "+games",
  "&+games",
  "+&games",
  "WORKGROUP\\games",
  "nas\\Games",
  '"Unix User\\games"',
  '"Unix Group\\games"',
  '@"WORKGROUP\\games"',
] as const;

const base = makeDirectory("minismbd-denied-users");
const data = join(base, "data");
let server: Served;

beforeAll(async () => {
  mkdirSync(data, { mode: 0o777 });
  giveToTester(data);
  const sections = FORMS.flatMap((form, at) => [
    ...[
      `[refused${at}]`,
      `path = ${data}`,
      "read only = no",
      "force user = daemon",
      `invalid users = ${form}`,
    ],
    ...[`[reading${at}]`, `path = ${data}`, "read only = no", "force user = daemon", `read list = ${form}`],
  ]);
  sections.push("[foreign0]", `path = ${data}`, "valid users = OTHER\\games");
  writeFiles(base, { "smb.conf": ["[global]", "netbios name = nas", ...sections, ""].join("\n") });
  server = await serveFile(base, "smb.conf", [TESTER, GAMES]);
});
afterAll(async () => {
  await server.stop();
  removeDirectory(base);
});

describe.each(FORMS.map((form, at) => [form, at] as const))("the form %s", (_, at) => {
  test("in `invalid users` refuses the user", async () => {
    expect(await accessOf(server, GAMES, `refused${at}`)).toBe("refused");
  });

  test("in `read list` leaves him no right to write", async () => {
    expect(await accessOf(server, GAMES, `reading${at}`)).not.toBe("write");
  });

  test("keeps nobody else out", async () => {
    expect(await accessOf(server, TESTER, `refused${at}`)).not.toBe("refused");
  });
});

test("a user of another domain in `valid users` admits nobody", async () => {
  expect(await accessOf(server, GAMES, "foreign0")).toBe("refused");
});
