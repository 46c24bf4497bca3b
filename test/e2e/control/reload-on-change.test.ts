// `reload on change`: the server reads its files again when one of them changes, however it is changed.
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER, TESTER2 } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { formatPasswordDatabase } from "../client/server.ts";

const TIMEOUT_MS = 10_000;

let directory: string;
let server: Served;
afterEach(async () => {
  await server.stop();
  removeDirectory(directory);
});

function confOf(more = "", isOn = "yes"): string {
  return `[global]\nreload on change = ${isOn}\n[docs]\npath = ${directory}/data\n${more}`;
}

async function serve(files: Readonly<Record<string, string>>, file = "ksmbd.conf"): Promise<void> {
  writeFiles(directory, files);
  server = await serveFile(directory, file, [TESTER]);
}

const reloads = (): number => [...server.output().matchAll(/reload done/g)].length;

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`it does not come:\n${server.output()}`);
    await Bun.sleep(20);
  }
}

function setUp(): void {
  directory = makeDirectory("minismbd-watch");
  mkdirSync(join(directory, "data"));
}

const path = (name: string): string => join(directory, name);
const MORE = (): string => `[more]\npath = ${directory}/data\n`;
const hasMore = async (): Promise<boolean> => (await accessOf(server, TESTER, "more")) !== "absent";

const CHANGES: readonly [string, () => void][] = [
  ["is written in place", () => writeFileSync(path("ksmbd.conf"), confOf(MORE()))],
  ["is appended to", () => appendFileSync(path("ksmbd.conf"), MORE())],
  [
    "is replaced by a rename",
    () => {
      writeFileSync(path("4913.tmp"), confOf(MORE()));
      renameSync(path("4913.tmp"), path("ksmbd.conf"));
    },
  ],
  [
    "is moved to a backup and written anew",
    () => {
      renameSync(path("ksmbd.conf"), path("ksmbd.conf~"));
      writeFileSync(path("ksmbd.conf"), confOf(MORE()));
    },
  ],
];

test.each(CHANGES)("a configuration that %s is read, twice in a row", async (_, change) => {
  setUp();
  await serve({ "ksmbd.conf": confOf() });
  expect(await accessOf(server, TESTER, "more")).toBe("absent");
  change();
  await until(hasMore);
  writeFileSync(path("ksmbd.conf"), confOf());
  await until(async () => !(await hasMore()));
});

test("so are a file behind a link, an included one, one that is included and appears, and the users", async () => {
  setUp();
  mkdirSync(join(directory, "var"));
  symlinkSync("var/real.conf", path("ksmbd.conf"));
  const includes = `include = ${directory}/there.conf\ninclude = ${directory}/later.conf\n`;
  await serve({ "var/real.conf": confOf(includes), "there.conf": "" });
  writeFileSync(path("there.conf"), MORE());
  await until(hasMore);
  writeFileSync(path("later.conf"), `[later]\npath = ${directory}/data\n`);
  await until(async () => (await accessOf(server, TESTER, "later")) !== "absent");
  renameSync(path("later.conf"), path("away.conf"));
  await until(async () => (await accessOf(server, TESTER, "later")) === "absent");
  writeFileSync(path("var/real.conf"), confOf(`valid users = ${TESTER2.user}\n`));
  await until(async () => (await accessOf(server, TESTER, "docs")) === "refused");
  const before = reloads();
  writeFileSync(path("new.db"), formatPasswordDatabase([TESTER, TESTER2]));
  renameSync(path("new.db"), path("ksmbdpwd.db"));
  await until(() => reloads() > before);
});

test("many changes at once are read together, and a broken file changes nothing until it is mended", async () => {
  setUp();
  await serve({ "ksmbd.conf": confOf() });
  for (let i = 0; i < 100; i++) writeFileSync(path("ksmbd.conf"), confOf(`comment = ${i}\n`));
  await until(() => reloads() > 0);
  expect(reloads()).toBeLessThan(10);
  writeFileSync(path("ksmbd.conf"), "[global\n");
  await until(() => server.output().includes("the configuration stays as it was"));
  expect(await accessOf(server, TESTER, "docs")).not.toBe("absent");
  rmSync(path("ksmbd.conf"));
  writeFileSync(path("ksmbd.conf"), confOf(MORE()));
  await until(hasMore);
});

test("by default nothing is watched, and a reload switches it on", async () => {
  setUp();
  await serve({ "ksmbd.conf": confOf("", "no") });
  writeFileSync(path("ksmbd.conf"), confOf(MORE()));
  await Bun.sleep(1000);
  expect(reloads()).toBe(0);
  server.signal("SIGHUP");
  await until(hasMore);
  writeFileSync(path("ksmbd.conf"), confOf());
  await until(async () => !(await hasMore()));
});
