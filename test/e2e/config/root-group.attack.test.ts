// A directory that a user owns and root's group has, as `mkdir` by root and `chown user` leave it, gives users without
// an account nothing that is root's group's.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER } from "../../peer/test-server.ts";
import { serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { createCall, createFile, mountShare } from "../client/raw-files.ts";
import { Status } from "../../../src/wire/status.ts";

const OWNER = 61_003;
const base = makeDirectory("minismbd-root-group");

describe.skipIf(process.getuid?.() !== 0).each(["ksmbd.conf", "smb.conf"])("%s", (file) => {
  let server: Served;

  beforeAll(async () => {
    const data = join(base, file, "data");
    writeFiles(join(base, file), { [file]: `[data]\npath = ${data}\nread only = no\n` });
    mkdirSync(join(data, "of root's group"), { recursive: true });
    chownSync(data, OWNER, 0);
    chmodSync(join(data, "of root's group"), 0o770);
    server = await serveFile(join(base, file), file, [TESTER]);
  });
  afterAll(async () => {
    await server.stop();
    removeDirectory(base);
  });

  test("a user without an account acts as the owner, without root's group", async () => {
    const mount = await mountShare(server, TESTER, "data");
    await createFile(mount, "made");
    const { uid, gid } = statSync(join(base, file, "data/made"));
    expect({ uid, hasRootsGroup: gid === 0 }).toEqual({ uid: OWNER, hasRootsGroup: false });
    const inside = createCall(mount, "of root's group\\made");
    expect(await mount.client.outcome(inside)).toBe(Status.ACCESS_DENIED);
    mount.client.close();
  });
});
