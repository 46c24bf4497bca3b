// A user of the machine who replaces a directory on the way to a share by a symbolic link does not choose as whom users
// without an account act.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER, type User } from "../../peer/test-server.ts";
import { accessOf, type Permitted, serveFile, type Served, writeFiles } from "../client/config-rig.ts";

/** A user who has an account on every Debian. */
const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const GAMES_UID = 5;
const ALICE = 61_001;
const CAROL = 61_002;

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
