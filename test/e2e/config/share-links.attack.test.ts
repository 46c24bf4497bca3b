// A user of the machine who replaces a directory on the way to a share by a symbolic link does not choose as whom users
// without an account act.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { renameAt } from "../../../src/linux/directory-entries.ts";
import { AT_FDCWD } from "../../../src/linux/open.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { statusName } from "../../../src/wire/status.ts";
import { run } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, TESTER, type User } from "../../peer/test-server.ts";
import { accessOf, type Permitted, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { createCall, type Mount, mountShare } from "../client/raw-files.ts";

/** A user who has an account on every Debian. */
const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const GAMES_UID = 5;
const ALICE = 61_001;
const CAROL = 61_002;

/** renameat2(2). */
const RENAME_EXCHANGE = 2;

const base = makeDirectory("minismbd-share-links");

function plant(path: string, uid: number): void {
  mkdirSync(join(base, path), { recursive: true });
  chownSync(join(base, path), uid, uid);
  chmodSync(join(base, path), path.endsWith("/x") ? 0o700 : 0o755);
}

function link(path: string, target: string, uid: number): void {
  symlinkSync(target, join(base, path));
  lchownSync(join(base, path), uid, uid);
}

const SHARES = ["straight", "turned", "chained", "relative", "own", "administrators", "playing"];
const CONFIGURATION = SHARES.map((name) => `[${name}]\npath = ${base}/${name}/x\nread only = no\n`).join("");

describe.skipIf(process.getuid?.() !== 0).each(["ksmbd.conf", "smb.conf"])("%s", (file) => {
  let server: Served;

  beforeAll(async () => {
    removeDirectory(base);
    for (const [path, uid] of [
      ["straight/x", CAROL],
      ["carol/x", CAROL],
      ["alice/x", ALICE],
      ["games/x", GAMES_UID],
    ] as const)
      plant(path, uid);
    link("turned", `${base}/carol`, ALICE);
    link("chained", `${base}/chain`, 0);
    link("chain", "./carol/../carol", ALICE);
    link("relative", "./alice/../carol", ALICE);
    link("own", "alice", ALICE);
    link("administrators", `${base}/carol`, 0);
    link("playing", "games", ALICE);
    writeFiles(base, { [`${file}.d/${file}`]: `[global]\nnetbios name = links\n${CONFIGURATION}` });
    server = await serveFile(join(base, `${file}.d`), file, [TESTER, GAMES]);
  });
  afterAll(async () => {
    await server.stop();
    removeDirectory(base);
  });

  test.each<[string, User, string, Permitted]>([
    ["without a link a user without an account acts as the directory's owner", TESTER, "straight", "write"],
    ["but not where another person's link is on the way", TESTER, "turned", "nothing"],
    ["nor by one that root's link leads to", TESTER, "chained", "nothing"],
    ["nor by one with a relative target", TESTER, "relative", "nothing"],
    ["the owner of the directory may lead to it", TESTER, "own", "write"],
    ["root may", TESTER, "administrators", "write"],
    ["a user with an account acts as himself whoever made the link", GAMES, "playing", "write"],
  ])("%s", async (_, user, share, permitted) => {
    expect(await accessOf(server, user, share)).toBe(permitted);
  });

  test("the log says whose link it is and what to do", async () => {
    await accessOf(server, TESTER, "turned");
    await server.waitFor(`leads through a symbolic link of uid ${ALICE} to a directory of uid ${CAROL}`);
  });
});

describe.skipIf(process.getuid?.() !== 0)("rights that the configuration gives", () => {
  const ROWS: readonly (readonly [title: string, share: string, lines: string, permitted: Permitted])[] = [
    [
      "root's by 'force user' are not given where a third person's link leads",
      "turned",
      "force user = root",
      "refused",
    ],
    ["nor by a link further on", "chained", "force user = root", "refused"],
    ["nor root's by 'admin users'", "turned", "admin users = games", "refused"],
    ["a user's by 'force user' are not given either", "turned", "force user = games", "refused"],
    ["they are where the user's own link leads", "mine", "force user = games", "nothing"],
    ["where it leads to what its owner has", "own", "force user = root", "write"],
    ["and where root's link leads", "administrators", "force user = root", "write"],
  ];
  let server: Served;

  beforeAll(async () => {
    removeDirectory(base);
    for (const [path, uid] of [
      ["carol/x", CAROL],
      ["alice/x", ALICE],
    ] as const)
      plant(path, uid);
    link("turned", `${base}/carol`, ALICE);
    link("chained", `${base}/chain`, 0);
    link("chain", "./carol", ALICE);
    link("mine", "carol", GAMES_UID);
    link("own", "alice", ALICE);
    link("administrators", `${base}/carol`, 0);
    const shares = ROWS.map(
      ([, name, lines], at) => `[s${at}]\npath = ${base}/${name}/x\nread only = no\n${lines}\n`,
    );
    writeFiles(base, { "smb.conf": shares.join("") });
    server = await serveFile(base, "smb.conf", [GAMES]);
  });
  afterAll(async () => {
    await server.stop();
    removeDirectory(base);
  });

  test.each(ROWS.map((row, at) => [at, ...row] as const))(
    "%i %s",
    async (at, _title, _share, _lines, permitted) => {
      expect(await accessOf(server, GAMES, `s${at}`)).toBe(permitted);
    },
  );

  test("the log and testparm say whose link it is and what to do", async () => {
    await accessOf(server, GAMES, "s0");
    await server.waitFor(`its path leads through a symbolic link of uid ${ALICE}`);
    expect(run(["testparm", join(base, "smb.conf")]).err).toContain(
      `share [s0]: nobody can connect, its path leads through a symbolic link of uid ${ALICE}, who would choose ` +
        "what is reached as 'root'; write the directory's own path, or run 'chown -h root' on the link",
    );
  });
});

test.skipIf(process.getuid?.() !== 0)(
  "a person who exchanges his directory and his link without end never has root's rights used elsewhere",
  async () => {
    const place = makeDirectory("swap", "/tmp");
    const secret = join(place, "secret/x");
    const own = join(place, "alice/now/x");
    for (const path of [secret, own]) mkdirSync(path, { recursive: true });
    writeFiles(secret, { "secret.txt": "s" });
    chmodSync(join(place, "secret"), 0o700);
    symlinkSync(join(place, "secret"), join(place, "alice/other"));
    lchownSync(join(place, "alice/other"), ALICE, ALICE);
    for (const path of ["alice", "alice/now", "alice/now/x"]) chownSync(join(place, path), ALICE, ALICE);
    writeFiles(place, { "smb.conf": `[forced]\npath = ${place}/alice/now/x\nforce user = root\n` });
    const swapped = await serveFile(place, "smb.conf", [TESTER]);
    let isSwapping = true;
    const swap = async (): Promise<void> => {
      while (isSwapping) {
        const fault = renameAt(
          AT_FDCWD,
          join(place, "alice/now"),
          AT_FDCWD,
          join(place, "alice/other"),
          RENAME_EXCHANGE,
        );
        if (fault !== 0) throw new Error(`renameat2: ${fault}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const swapping = swap();
    const seen = new Set<string>();
    for (let round = 0; round < 150; round++) {
      let mount: Mount | undefined;
      await outcomeOf(
        (async () => {
          mount = await mountShare(swapped, TESTER, "forced");
        })(),
      );
      if (mount === undefined) continue;
      const reading = createCall(mount, "secret.txt", { desiredAccess: Access.READ_DATA });
      const outcome = await mount.client.outcome(reading);
      seen.add(typeof outcome === "number" ? statusName(outcome) : outcome);
      mount.client.close();
    }
    isSwapping = false;
    await swapping;
    await swapped.stop();
    removeDirectory(place);
    expect(seen.has("STATUS_SUCCESS")).toBe(false);
  },
  60_000,
);
