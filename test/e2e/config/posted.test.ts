// Configurations as people post them: what testparm says, and who may do what, as smbd decides it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/executable.ts";
import { startSmbdOnFile, type SmbdOnFile } from "../../peer/smbd-file.ts";
import { hasSmbd } from "../../peer/smbd.ts";
import { makeDirectory, removeDirectory, type User } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import type { LogOnOptions } from "../client/raw-calls.ts";
import { formatPasswordDatabase } from "../client/server.ts";
import { APPLIANCES } from "./posted/appliances.ts";
import { BOXES } from "./posted/boxes.ts";
import type { Client, Posted } from "./posted/configurations.ts";
import { CONTAINERS } from "./posted/containers.ts";
import { STORAGE } from "./posted/storage.ts";

const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const NEWS: User = { user: "news", password: "Battery-Staple-7" };
const CLIENTS: Readonly<Record<Client, LogOnOptions>> = {
  games: GAMES,
  news: NEWS,
  stranger: { user: "minismbd-stranger", password: "x" },
  anonymous: { user: "", password: "", isAnonymous: true },
};

/** The folders, with owner and mode. */
const FOLDERS = [
  ["open", 0, 0o777],
  ["games", 5, 0o755],
  ["news", 9, 0o755],
  ["private", 0, 0o700],
] as const;

const base = makeDirectory("minismbd-posted");
const data = join(base, "data");

const isRoot = process.getuid?.() === 0;

beforeAll(() => {
  if (!isRoot) return;
  for (const [name, uid, mode] of FOLDERS) {
    const path = join(data, name);
    mkdirSync(path, { recursive: true });
    chownSync(path, uid, uid);
    chmodSync(path, mode);
  }
  writeFiles(base, { ksmbdpwd: formatPasswordDatabase([GAMES, NEWS]) });
});
afterAll(() => removeDirectory(base));

function write({ files }: Posted): string {
  const directory = makeDirectory("posted", base);
  const filled = Object.entries(files).map(([name, text]) => [
    name,
    text.replaceAll("DATA", data).replaceAll("DIRECTORY", directory),
  ]);
  writeFiles(directory, Object.fromEntries(filled));
  return directory;
}

describe
  .skipIf(!isRoot)
  .each([...BOXES, ...STORAGE, ...APPLIANCES, ...CONTAINERS].map((posted) => [posted.name, posted] as const))(
  "%s",
  (_, posted) => {
    let directory: string;
    let ours: Served;
    let samba: SmbdOnFile | undefined;

    beforeAll(async () => {
      directory = write(posted);
      ours = await serveFile(directory, "smb.conf", [GAMES, NEWS]);
      if (hasSmbd()) samba = await startSmbdOnFile(join(directory, "smb.conf"), [GAMES, NEWS]);
    });
    afterAll(async () => {
      await ours?.stop();
      await samba?.stop();
    });

    test("testparm says what is strange in it, and nothing else", () => {
      const { err } = run(["testparm", "-P", join(base, "ksmbdpwd"), join(directory, "smb.conf")]);
      const lines = err.replaceAll(`${directory}/`, "").trim().split("\n");
      expect(lines.filter((line) => line !== "").toSorted()).toEqual([...posted.says].toSorted());
    });

    test.each(posted.access)("[%s] for %s: %s", async (share, client, permitted, smbd = permitted) => {
      expect(await accessOf(ours, CLIENTS[client], share)).toBe(permitted);
      if (samba) expect(await accessOf(samba, CLIENTS[client], share)).toBe(smbd);
    });

    test("testparm --user says what clients get", () => {
      for (const [share, client, permitted] of posted.access) {
        const words = ["--user", CLIENTS[client].user, "--share", share, "--host", "127.0.0.1", "--json"];
        const { out } = run([
          "testparm",
          "-P",
          join(base, "ksmbdpwd"),
          ...words,
          join(directory, "smb.conf"),
        ]);
        const { connects, writes } = (JSON.parse(out) as { access: { connects: boolean; writes: boolean } })
          .access;
        const isPermitted = permitted === "read" || permitted === "write";
        expect([share, client, connects, writes]).toEqual([
          share,
          client,
          isPermitted,
          permitted === "write",
        ]);
      }
    });
  },
);
