// [homes], and variables in the parameters of shares.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER, TESTER2, type User } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { openFile, mountShare } from "../client/raw-files.ts";
import { hasSmbclient, runProgram } from "../client/smbclient.ts";

/** A user who has an account on every Debian, with a home that he may read. */
const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const GAMES_UID = 5;

const base = makeDirectory("minismbd-homes");
const folders: readonly string[] = ["games", TESTER.user, TESTER2.user, "of-games", "by-127.0.0.1"];
let places: Readonly<Record<"own" | "standard", Served>>;

const CONFIGURATION = `[global]
map to guest = bad user
[homes]
path = ${base}/%S
read only = no
valid users = %S
browseable = no
[private]
path = ${base}/of-%U
read only = no
valid users = %U
[fixed]
path = ${base}/%%h
comment = on %h
[client]
path = ${base}/by-%I
[closed]
path = ${base}
valid users = @%G
[guests]
path = ${base}/%U
guest ok = yes
[no-value]
path = ${base}/%d
`;

beforeAll(async () => {
  for (const name of [...folders, "%h"]) mkdirSync(join(base, name));
  if (process.getuid?.() === 0) {
    for (const name of ["games", "of-games"]) chownSync(join(base, name), GAMES_UID, GAMES_UID);
    for (const name of [TESTER.user, TESTER2.user]) chownSync(join(base, name), 1, 1);
  }
  for (const name of folders) writeFileSync(join(base, name, `this is ${name}`), "");
  writeFiles(base, { "smb.conf": CONFIGURATION, "plain/smb.conf": "[homes]\n" });
  const users = [TESTER, TESTER2, GAMES];
  const serve = (file: string) => serveFile(base, file, users);
  places = { own: await serve("smb.conf"), standard: await serve("plain/smb.conf") };
});
afterAll(async () => {
  for (const place of Object.values(places ?? {})) await place.stop();
  removeDirectory(base);
});

describe.skipIf(process.getuid?.() !== 0)("[homes]", () => {
  test.each([
    ["a user of the machine gets a share of his name", GAMES, "games", "write"],
    ["case does not matter", GAMES, "GAMES", "write"],
    ["`homes` is the user's own", GAMES, "homes", "write"],
    ["so does a user of the password file alone", TESTER, TESTER.user, "write"],
    ["`valid users = %S` keeps others out", TESTER, "games", "refused"],
    ["and those", GAMES, TESTER.user, "refused"],
    ["a name that is no user's is no share", GAMES, "nobody-has-this-name", "absent"],
    ["a path is no user", GAMES, "..", "absent"],
  ] as const)("%s", async (_, user, share, expected) => {
    expect(await accessOf(places.own, user, share)).toBe(expected);
  });

  test("without a path it is the home that /etc/passwd names; a user without one has none", async () => {
    expect(await accessOf(places.standard, GAMES, "games")).toBe("read");
    expect(await accessOf(places.standard, TESTER, TESTER.user)).toBe("absent");
  });

  test.skipIf(!hasSmbclient())(
    "a list shows the user's own home, and [homes] only where it is browseable",
    async () => {
      const list = async (place: Served, { user, password }: User): Promise<string> => {
        const words = ["smbclient", "--configfile=/dev/null", "-L", "127.0.0.1", "-p", String(place.port)];
        return (await runProgram([...words, "-U", `${user}%${password}`])).output;
      };
      const own = await list(places.own, GAMES);
      expect(own).toMatch(/\bgames\s+Disk\s+Home directory of games/);
      expect(own).not.toMatch(/\bhomes\s+Disk|minismbd-tester\s+Disk/);
      expect(own).toMatch(/\bfixed\s+Disk\s+on \w/);
      expect(await list(places.standard, GAMES)).toMatch(/\bhomes\s+Disk/);
    },
  );
});

describe("variables", () => {
  test("%U is the user: each has a folder of his own", async () => {
    expect(await accessOf(places.own, GAMES, "private")).toBe("write");
    // The folder of-minismbd-tester does not exist.
    expect(await accessOf(places.own, TESTER, "private")).toBe("absent");
  });

  test("%I is the client's address, and %% a percent sign", async () => {
    const { client } = await mountShare(places.own, TESTER, "client");
    client.close();
    expect(await accessOf(places.own, TESTER, "fixed")).toBe("read");
  });

  test("@%G is the group of the user; one without an account is refused", async () => {
    expect(await accessOf(places.own, GAMES, "closed")).toBe("read");
    expect(await accessOf(places.own, TESTER, "closed")).toBe("refused");
  });

  test("a user's name with a path in it does not lead elsewhere", async () => {
    // Users whom nobody knows are guests; the guest's name counts, not theirs.
    const user = { user: "../..", password: "x" };
    expect(await accessOf(places.own, user, "guests")).toBe("absent");
  });

  test("a path with a variable that has no value leaves the share out", async () => {
    expect(await accessOf(places.own, TESTER, "no-value")).toBe("absent");
    expect(places.own.output()).toContain("has the variable %d, which has no value here");
  });

  test("a share keeps its folder: another user's connection changes nothing", async () => {
    const mount = await mountShare(places.own, GAMES, "private");
    await accessOf(places.own, TESTER, "client");
    await openFile(mount, "this is of-games");
    mount.client.close();
    expect(readdirSync(join(base, "of-games"))).toEqual(["this is of-games"]);
  });
});
