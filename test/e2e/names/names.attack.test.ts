// Attacks with names and symlinks that try to leave the share.
// [MS-FSCC] 2.1.5 (path names), [MS-SMB2] 3.3.5.9, 3.3.5.18; [MS-FSA] 2.1.4.4 (expressions).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CreateDisposition, decodeCreateResponse } from "../../../src/wire/command/create.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  createCall,
  createDirectory,
  createFile,
  linkCall,
  listDirectory,
  READ_WRITE,
  readFile,
  renameCall,
} from "../client/raw-files.ts";
import {
  expectOutcome,
  expectServing,
  mountTest,
  type Outcome,
  startVictim,
  utf16,
} from "../client/attack-rig.ts";

let server: TestServer;
let share = "";
let outside = "";
beforeAll(async () => {
  server = await startVictim();
  share = server.shares.get("test") ?? "";
  outside = join(dirname(share), "outside");
  mkdirSync(outside);
  giveToTester(outside);
  writeFileSync(join(outside, "secret"), "not for clients");
});
afterAll(() => server.stop());
afterEach(async () => {
  await expectServing(server);
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(readFileSync(join(outside, "secret"), "utf8")).toBe("not for clients");
  expect(readdirSync(dirname(share)).sort()).toEqual(["outside", "test"]);
});

const NAME_FAULTS: readonly Outcome[] = [
  Status.OBJECT_NAME_INVALID,
  Status.OBJECT_PATH_SYNTAX_BAD,
  Status.OBJECT_PATH_NOT_FOUND,
  Status.OBJECT_NAME_NOT_FOUND,
  Status.INVALID_PARAMETER,
  Status.NAME_TOO_LONG,
];

const create = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF } as const;

describe("invalid and unusual names", () => {
  test.each([
    "..",
    "..\\outside",
    "..\\outside\\secret",
    ".\\..\\outside\\secret",
    "a\\..\\..\\outside\\secret",
    "..\\..\\..\\..\\etc\\passwd",
    "../outside/secret",
    "x/../../outside/secret",
    "\\..\\outside\\secret",
    "\\\\server\\test\\x",
    "C:\\x",
    "/etc/passwd",
    "a\\\\b",
    "nul\0behind",
    "\0",
    "a*b",
    "a?b",
    'a"b',
    "a<b",
    "a>b",
    "a|b",
    "line\nbreak",
    "stream:x:$BAD",
    "stream:a\\b",
    "stream:..\\x:$DATA",
    ":x:y:z",
    "@GMT-2026.01.01-00.00.00\\..\\..\\outside\\secret",
    "@GMT-..\\outside\\secret",
    "x".repeat(256),
    `${"d\\".repeat(16_000)}x`,
    "y".repeat(32_767),
  ])("CREATE of %j is refused", async (name) => {
    const mount = await mountTest(server);
    const call = { ...createCall(mount, name, create), room: 70_000 };
    const outcome = await mount.client.outcome(call);
    expectOutcome(outcome, ...NAME_FAULTS);
    mount.client.close();
  });

  test("a name of odd length or with a lone surrogate is refused", async () => {
    const names = [
      utf16("abc").slice(0, 5),
      utf16("\ud800"),
      utf16("a\udc00b"),
      utf16("\udc00\ud800"),
      utf16("x\udbff"),
    ];
    for (const bytes of names) {
      const mount = await mountTest(server);
      const call = createCall(mount, "x".repeat(Math.ceil(bytes.length / 2)), create);
      const edit = (message: Uint8Array, view: DataView): void => {
        message.set(bytes, 120);
        view.setUint16(110, bytes.length, true);
      };
      expectOutcome(await mount.client.outcome({ ...call, edit }), ...NAME_FAULTS);
      mount.client.close();
    }
  });

  test("valid unusual names are created in the share and listed unchanged", async () => {
    const mount = await mountTest(server);
    const folder = await createDirectory(mount, "odd");
    const names = [
      "con",
      "aux.txt",
      "üñí",
      "𝒳 astral",
      "-rf",
      "~",
      "$x",
      "{a}",
      "a;b",
      "#",
      "%41",
      "x".repeat(255),
    ];
    for (const name of names) await closeFile(mount, await createFile(mount, `odd\\${name}`));
    const listed = (await listDirectory(mount, folder)).map((record) => record.name);
    expect(listed.sort()).toEqual([".", "..", ...names].sort());
    mount.client.close();
  });
});

describe("symlinks to outside", () => {
  const links: Readonly<Record<string, () => string>> = {
    absolute: () => outside,
    relative: () => "../outside",
    "through proc": () => `/proc/self/root${outside}`,
    "a loop": () => "a loop",
    "to the root": () => "/",
  };
  test.each(Object.keys(links))(
    "a client cannot open, create, move or link through a symlink: %s",
    async (name) => {
      rmSync(join(share, name), { force: true });
      symlinkSync(links[name]?.() ?? "", join(share, name));
      const mount = await mountTest(server);
      for (const path of [
        `${name}\\secret`,
        `${name}\\new`,
        `${name}${outside.replaceAll("/", "\\")}\\secret`,
      ]) {
        const outcome = await mount.client.outcome(createCall(mount, path, create));
        expect([path, outcome === Status.SUCCESS]).toEqual([path, false]);
      }
      const file = await createFile(mount, "mover");
      for (const call of [renameCall, linkCall]) {
        const outcome = await mount.client.outcome(call(mount, file, `${name}\\taken`, true));
        expect(outcome).not.toBe(Status.SUCCESS);
      }
      mount.client.close();
      rmSync(join(share, name), { force: true });
    },
  );

  test("a client cannot read, overwrite or replace a file outside through a symlink to it", async () => {
    symlinkSync(join(outside, "secret"), join(share, "to secret"));
    const mount = await mountTest(server);
    for (const createDisposition of [
      CreateDisposition.OPEN,
      CreateDisposition.OVERWRITE_IF,
      CreateDisposition.SUPERSEDE,
    ]) {
      const call = createCall(mount, "to secret", { desiredAccess: READ_WRITE, createDisposition });
      const outcome = await mount.client.outcome(call);
      expect(outcome).not.toBe(Status.SUCCESS);
    }
    mount.client.close();
    rmSync(join(share, "to secret"), { force: true });
  });

  test("a client reads only the file inside while a folder is swapped with a symlink", async () => {
    const folder = join(share, "shifty");
    const spare = join(share, "spare");
    mkdirSync(folder);
    writeFileSync(join(folder, "secret"), "for clients");
    for (const path of [folder, join(folder, "secret")]) giveToTester(path);
    symlinkSync(outside, join(share, "link"));
    const mount = await mountTest(server);
    let isRunning = true;
    const swapping = (async (): Promise<void> => {
      while (isRunning) {
        renameSync(folder, spare);
        renameSync(join(share, "link"), folder);
        await Bun.sleep(0);
        renameSync(folder, join(share, "link"));
        renameSync(spare, folder);
        await Bun.sleep(0);
      }
    })();
    let opened = 0;
    for (let round = 0; round < 800; round++) {
      const reply = await mount.client.request(createCall(mount, "shifty\\secret"));
      if (reply.status !== Status.SUCCESS) continue;
      opened++;
      const { fileId } = decodeCreateResponse(reply.message);
      expect(new TextDecoder().decode(await readFile(mount, fileId, 0, 100))).toBe("for clients");
      await closeFile(mount, fileId);
    }
    isRunning = false;
    await swapping;
    expect(opened).toBeGreaterThan(0);
    mount.client.close();
    for (const name of ["shifty", "spare", "link"])
      rmSync(join(share, name), { recursive: true, force: true });
  }, 30_000);
});
