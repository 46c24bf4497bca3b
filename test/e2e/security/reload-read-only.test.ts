// Every request by which a client could change something, through files that were opened before a reload made the share
// read-only: each is refused and nothing on disk changes.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { decodeCreateResponse } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { makeDirectory, removeDirectory } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { mountPosix } from "../client/posix-calls.ts";
import { createCall, type Mount } from "../client/raw-files.ts";
import { reload, startWith } from "../client/reload-rig.ts";
import { look, plant } from "./planted-tree.ts";
import { changes, REFUSED } from "./read-only-attempts.ts";

test.each(["posix", "nt"])("with `acl = %s`", async (acl) => {
  const base = makeDirectory("minismbd-reload");
  const path = join(base, "share");
  plant(path);
  const parameters = {
    "vfs objects": "recycle streams_xattr acl_xattr",
    "ea support": "yes",
    "store dos attributes": "yes",
    "smb3 unix extensions": "yes",
    "hide dot files": "no",
    acl,
  };
  const globals = { "smb3 unix extensions": "yes" };
  const server = await startWith({ globals, shares: { test: { path, ...parameters } } });
  const { client, session } = await mountPosix(server);
  const mount: Mount = { client, session, treeId: await client.connectTree(session, "test") };
  const open = async (name: string, desiredAccess: number, isPosix = false): Promise<FileId> => {
    const contexts = isPosix ? { posix: { mode: 0o666 } } : {};
    const reply = await client.demand(name, createCall(mount, name, { desiredAccess, contexts }));
    return decodeCreateResponse(reply.message).fileId;
  };
  const source = await open("source", Access.READ_DATA);
  // One open an attempt: the first one that worked would change what the next one finds.
  const attempts: { title: string; fileId: FileId; change: (typeof changes)[number][1] }[] = [];
  for (const [title, change] of changes) {
    const all = Access.MAXIMUM_ALLOWED;
    attempts.push({ title, fileId: await open(change.name, all, change.isPosix ?? false), change });
  }
  const before = look(path);
  await reload(server, { globals, shares: { test: { path, ...parameters, "read only": "yes" } } });
  for (const { title, fileId, change } of attempts) {
    const call = await change.call(mount, fileId, { fileId: source });
    const outcome = await client.outcome(call);
    try {
      expectOutcome(outcome, ...(change.allowed ?? REFUSED));
    } catch (error) {
      throw new Error(`${title}: ${String(error)}`);
    }
  }
  expectOutcome(await client.outcome(createCall(mount, "file")), Status.SUCCESS);
  client.close();
  await Bun.sleep(100);
  expect(look(path)).toEqual(before);
  await server.stop();
  removeDirectory(base);
});
