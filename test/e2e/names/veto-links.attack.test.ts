// Symlinks to names that clients must not see: vetoed names and the sidecar directory. Clients with the POSIX
// extensions make such symlinks, other clients follow them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeSymlinkReparse } from "../../../src/wire/fscc/reparse.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import { attributeList, bytesOf, setAttributes } from "../client/attribute-calls.ts";
import { mountPosix, posixly } from "../client/posix-calls.ts";
import {
  closeFile,
  createCall,
  ioctlCall,
  listDirectory,
  type Mount,
  openFile,
  READ_WRITE,
} from "../client/raw-files.ts";
import { openAll } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { mountTest } from "../client/attack-rig.ts";

const canMount = canMakePluggedDisk("ramfs");
const PLACES = ["the system's own disk", "a disk without extended attributes"] as const;
const canServe = (kind: string): boolean => kind === PLACES[0] || canMount;

let disk: PluggedDisk | undefined;
const servers = new Map<string, TestServer>();

beforeAll(async () => {
  for (const kind of PLACES.filter(canServe)) {
    disk = kind === PLACES[0] ? undefined : makePluggedDisk("ramfs");
    const parameters = {
      "follow symlinks": "yes",
      "smb3 unix extensions": "yes",
      "veto files": "/hidden*/",
      "ea support": "yes",
    };
    const share = { name: "test", parameters, ...(disk && { path: disk.path }) };
    servers.set(kind, await startServer({ shares: [share], parameters: { "smb3 unix extensions": "yes" } }));
  }
});
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  disk?.remove();
});

/** Makes a symlink as the Linux client does. */
async function makeLink(mount: Mount, name: string, target: string): Promise<void> {
  const { fileId } = await openFile(
    mount,
    name,
    posixly(0o666, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    }),
  );
  const buffer = bytesOf((writer) =>
    encodeSymlinkReparse(writer, { isRelative: true, substituteName: target, printName: target }),
  );
  await mount.client.demand("symlink", ioctlCall(mount, Fsctl.SET_REPARSE_POINT, buffer, fileId));
  await closeFile(mount, fileId);
}

describe.each(PLACES)("on %s a client cannot follow a symlink", (kind) => {
  test.skipIf(!canServe(kind))(
    "to a vetoed name or the sidecar, in the last or an earlier component",
    async () => {
      const server = servers.get(kind) as TestServer;
      const root = server.shares.get("test") ?? "";
      for (const name of ["hidden.d", "plain"]) {
        mkdirSync(join(root, name), { recursive: true });
        writeFileSync(join(root, name, "file"), "secret");
        giveToTester(join(root, name));
        giveToTester(join(root, name, "file"));
      }
      writeFileSync(join(root, "hidden.txt"), "secret");
      symlinkSync(join(root, "hidden.d"), join(root, "absolute"));
      const plain = await mountTest(server);
      const posix = await mountPosix(server);
      const kept = await openAll(plain, "kept", { createDisposition: CreateDisposition.CREATE });
      expect(await setAttributes(plain, kept, attributeList({ SECRET: "value" }))).toBe(Status.SUCCESS);
      await closeFile(plain, kept);
      // A server that made no sidecar directory must protect one that another program has left.
      if (!existsSync(join(root, ".minismbd"))) mkdirSync(join(root, ".minismbd"));
      writeFileSync(join(root, ".minismbd", "planted"), "secret");
      giveToTester(join(root, ".minismbd"));
      giveToTester(join(root, ".minismbd", "planted"));
      await makeLink(posix, "to-folder", "hidden.d");
      await makeLink(posix, "to-link", "to-folder");
      await makeLink(posix, "to-file", "hidden.d/file");
      await makeLink(posix, "to-name", "plain/../hidden.txt");
      await makeLink(posix, "to-sidecar", ".minismbd");
      await makeLink(posix, "to-entry", "./plain/../.minismbd/planted");
      await makeLink(posix, "fine", "plain");
      const wanted = ["to-folder", "to-link", "to-file", "to-name", "to-sidecar", "to-entry", "absolute"];
      for (const below of ["\\file", "\\planted", "\\new", "\\kept.values", ""]) {
        for (const name of wanted) {
          for (const createDisposition of [CreateDisposition.OPEN, CreateDisposition.OPEN_IF]) {
            const options = { desiredAccess: READ_WRITE, createDisposition };
            const { status } = await plain.client.request(createCall(plain, name + below, options));
            expect([name + below, status === Status.SUCCESS]).toEqual([name + below, false]);
          }
        }
      }
      const { fileId } = await openFile(plain, "");
      const listed = (await listDirectory(plain, fileId)).map(({ name }) => name);
      await closeFile(plain, fileId);
      for (const name of [".minismbd", "hidden.d", "hidden.txt"]) expect(listed).not.toContain(name);
      // A visible folder can be reached through its symlink.
      expect(listed).toContain("fine");
      await closeFile(plain, (await openFile(plain, "fine\\file")).fileId);
      expect(readdirSync(join(root, "hidden.d"))).toEqual(["file"]);
      expect(readFileSync(join(root, ".minismbd", "planted"), "utf8")).toBe("secret");
      expect(readdirSync(join(root, ".minismbd"))).not.toContain("new");
      plain.client.close();
      posix.client.close();
    },
  );
});
