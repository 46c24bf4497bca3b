// Programs that know a file's short name only save it by removing or renaming it and making it anew: the long name
// comes back ([MS-FSA] 2.1.1.2, name tunnelling).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, type Mount, mountShare, openFile, renameCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient, hasSmbclient } from "../client/smbclient.ts";

const LONG = "A long file name.txt";
const SHORT = "AR4S99~7.TXT";
const SHARES = [
  { name: "test" },
  { name: "recycle", parameters: { "vfs objects": "recycle" } },
  { name: "exact", parameters: { "case sensitive": "yes" } },
];

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ shares: SHARES, parameters: { "mangled names": "yes" } });
});
afterAll(async () => {
  await server?.stop();
});

function folderOf(share: string, name: string): string {
  const folder = join(server.shares.get(share) ?? "", name);
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  writeFileSync(join(folder, LONG), "old");
  chmodSync(join(folder, LONG), 0o666);
  writeFileSync(join(server.directory, "new"), "new");
  return folder;
}

for (const { name: share } of SHARES.slice(0, 2)) {
  test.skipIf(!hasSmbclient())(
    `smbclient that deletes a file and puts it by its short name makes the long name: ${share}`,
    async () => {
      const folder = folderOf(share, "deleted");
      const commands = ["cd deleted", `rm ${SHORT}`, `put new ${SHORT}`];
      await demandSmbclient(server, commands, { share, cwd: server.directory });
      expect(readdirSync(folder)).toEqual([LONG]);
      expect(readFileSync(join(folder, LONG), "utf8")).toBe("new");
    },
  );
}

test.skipIf(!hasSmbclient())(
  "smbclient that renames a file away and puts it by its short name makes the long name",
  async () => {
    const folder = folderOf("test", "backup");
    const commands = ["cd backup", `rename ${SHORT} OLD.BAK`, `put new ${SHORT}`];
    await demandSmbclient(server, commands, { cwd: server.directory });
    expect(readdirSync(folder).sort()).toEqual([LONG, "OLD.BAK"]);
    expect(readFileSync(join(folder, LONG), "utf8")).toBe("new");
  },
);

test.skipIf(!hasSmbclient())(
  "a file that is renamed to the short name of a deleted one gets its long name",
  async () => {
    const folder = folderOf("test", "renamed");
    // The names are forgotten when the last client of the share leaves.
    const mount: Mount = await mountShare(server, TESTER, "test");
    await demandSmbclient(server, ["cd renamed", "put new NEW.TMP", `rm ${SHORT}`], {
      cwd: server.directory,
    });
    const { fileId } = await openFile(mount, "renamed\\NEW.TMP", {
      desiredAccess: Access.MAXIMUM_ALLOWED,
      createDisposition: CreateDisposition.OPEN,
    });
    const reply = await mount.client.request(renameCall(mount, fileId, `renamed\\${SHORT}`, false));
    expect(reply.status).toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    expect(readdirSync(folder)).toEqual([LONG]);
  },
);

test.skipIf(!hasSmbclient())(
  "in another folder, and where names are case-sensitive, a short name is a name of its own",
  async () => {
    const folder = folderOf("test", "elsewhere");
    const commands = [`rm elsewhere/${SHORT}`, "mkdir other", `put new other/${SHORT}`];
    await demandSmbclient(server, commands, { cwd: server.directory });
    expect(readdirSync(folder)).toEqual([]);
    expect(readdirSync(join(server.shares.get("test") ?? "", "other"))).toEqual([SHORT]);
    const exact = folderOf("exact", "exact");
    const words = ["cd exact", `rm "${LONG}"`, `put new ${SHORT}`];
    await demandSmbclient(server, words, { share: "exact", cwd: server.directory });
    expect(readdirSync(exact)).toEqual([SHORT]);
  },
);
