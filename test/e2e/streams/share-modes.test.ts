// Share modes of a file or directory and its named streams: the whole table of two opens. [MS-FSA] 2.1.5.1.2,
// 2.1.5.1.2.2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateResponse,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  finishOpen,
  key,
  leaseAck,
  leaseV2,
  mountLeasing,
  nextLeaseBreak,
  openLeased,
  R,
  RH,
  startOpen,
  withLease,
} from "../client/lease-rig.ts";
import { closeFile, createCall, createDirectory, type Mount, openFile } from "../client/raw-files.ts";

let server: TestServer;
let mount: Mount;
let other: Mount;
beforeAll(async () => {
  server = await startSubject({ parameters: { "oplock break timeout": "20" } });
  mount = await mountLeasing(server);
  other = await mountLeasing(server);
  await closeFile(mount, await createDirectory(mount, "folder"));
  for (const base of ["file", "folder"]) {
    for (const stream of ["", ":one", ":two"]) {
      if (base === "folder" && stream === "") continue;
      const created = await openFile(mount, base + stream, {
        desiredAccess: Access.WRITE_DATA,
        createDisposition: CreateDisposition.OPEN_IF,
      });
      await closeFile(mount, created.fileId);
    }
  }
});
afterAll(async () => {
  for (const { client } of [mount, other]) client.close();
  await server?.stop();
});

const ATTRIBUTES = Access.READ_ATTRIBUTES;
const ACCESSES = {
  attributes: ATTRIBUTES,
  READ: Access.READ_DATA,
  WRITE: Access.WRITE_DATA,
  DELETE: Access.DELETE,
  "READ and DELETE": Access.READ_DATA | Access.DELETE,
} as const;
const ALL = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;
const SHARES = {
  all: ALL,
  "all but DELETE": ALL & ~ShareAccess.DELETE,
  DELETE: ShareAccess.DELETE,
  nothing: 0,
} as const;

interface Side {
  readonly stream: "" | ":one" | ":two";
  readonly access: number;
  readonly share: number;
  readonly title: string;
}

function sidesOf(streams: readonly Side["stream"][]): Side[] {
  return streams.flatMap((stream) =>
    Object.entries(ACCESSES).flatMap(([access, mask]) =>
      Object.entries(SHARES).map(([share, bits]) => ({
        stream,
        access: mask,
        share: bits,
        title: `${stream || "itself"} for ${access} sharing ${share}`,
      })),
    ),
  );
}

const PAIRS = [
  [Access.READ_DATA, ShareAccess.READ],
  [Access.WRITE_DATA, ShareAccess.WRITE],
  [Access.DELETE, ShareAccess.DELETE],
] as const;

/** True if one open uses what the other one does not share; an open for attributes only takes no part. */
function refuses(one: Side, two: Side): boolean {
  if (one.access === ATTRIBUTES || two.access === ATTRIBUTES) return false;
  return PAIRS.some(([right, bit]) => (two.access & right) !== 0 && (one.share & bit) === 0);
}

function conflicts(first: Side, second: Side): boolean {
  if (first.stream === second.stream) return refuses(first, second) || refuses(second, first);
  const [whole] = [first, second].filter(({ stream }) => stream === "");
  const named = whole === first ? second : first;
  if (whole === undefined || named.access === ATTRIBUTES) return false;
  return (whole.access & Access.DELETE) !== 0 && (named.share & ShareAccess.DELETE) === 0;
}

function requestOf(base: string, { stream, access, share }: Side): Partial<CreateRequest> {
  const isFolder = base === "folder" && stream === "";
  return {
    desiredAccess: access,
    shareAccess: share,
    createOptions: isFolder ? CreateOption.DIRECTORY_FILE : CreateOption.NON_DIRECTORY_FILE,
  };
}

describe.each(["file", "folder"])("two opens of a %s", (base) => {
  test.each([
    ["itself", ""],
    ["one of its streams", ":one"],
  ] as const)("first %s, then it or a stream", async (_, stream) => {
    const wrong: string[] = [];
    for (const first of sidesOf([stream])) {
      const held = await openFile(mount, base + first.stream, requestOf(base, first));
      for (const second of sidesOf(["", ":one", ":two"])) {
        const call = createCall(mount, base + second.stream, requestOf(base, second));
        const reply = await mount.client.request(call);
        const expected = conflicts(first, second) ? Status.SHARING_VIOLATION : Status.SUCCESS;
        if (reply.status !== expected)
          wrong.push(`${first.title}, then ${second.title}: ${statusName(reply.status)}`);
        if (reply.status === Status.SUCCESS)
          await closeFile(mount, decodeCreateResponse(reply.message).fileId);
      }
      await closeFile(mount, held.fileId);
    }
    expect(wrong).toEqual([]);
  });
});

describe("an open with DELETE against an open stream, and the other way round", () => {
  const withoutDelete = { desiredAccess: Access.READ_DATA, shareAccess: ShareAccess.READ };

  test.each(["file:new", "folder:new"])("creating %s conflicts like opening it", async (name) => {
    const held = await openFile(mount, name.split(":")[0] ?? "", { desiredAccess: Access.DELETE });
    const creating = createCall(mount, name, {
      ...withoutDelete,
      createDisposition: CreateDisposition.CREATE,
    });
    expect(await mount.client.outcome(creating)).toBe(Status.SHARING_VIOLATION);
    expect(await mount.client.outcome(createCall(mount, name))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    await closeFile(mount, held.fileId);
  });

  test("a handle lease on the file is broken before the stream is refused", async () => {
    const deleting = { desiredAccess: Access.READ_DATA | Access.DELETE };
    const held = await openLeased(mount, "file", leaseV2(1, RH), deleting);
    const pending = startOpen(other, "file:one", withoutDelete);
    expect(await nextLeaseBreak(mount)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
    await closeFile(mount, held.fileId);
    await closeFile(other, (await finishOpen(pending)).fileId);
    // A client that keeps the file open keeps the stream from being opened.
    const again = await openLeased(mount, "file", leaseV2(1, RH), deleting);
    const second = startOpen(other, "file:one", withoutDelete);
    expect(await nextLeaseBreak(mount)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
    await mount.client.outcome(leaseAck(mount, key(1), R));
    expect((await second.reply).status).toBe(Status.SHARING_VIOLATION);
    await closeFile(mount, again.fileId);
  });

  test("a handle lease on the stream is broken before the file is refused", async () => {
    const held = await openLeased(mount, "file:one", leaseV2(2, RH), withoutDelete);
    const pending = startOpen(other, "file", withLease(leaseV2(3, R), { desiredAccess: Access.DELETE }));
    expect(await nextLeaseBreak(mount)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
    await closeFile(mount, held.fileId);
    await closeFile(other, (await finishOpen(pending)).fileId);
  });
});
