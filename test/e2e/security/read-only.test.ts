// Every request by which a client could change something, sent to read-only shares and to snapshots of
// writable ones: each is refused and nothing on disk changes, although the permissions on disk allow all of
// it. [MS-SMB2] 3.3.5.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateResponse,
} from "../../../src/wire/command/create.ts";
import { Status } from "../../../src/wire/status.ts";
import { makeDirectory, removeDirectory, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing } from "../client/attack-rig.ts";
import { attributeList } from "../client/attribute-calls.ts";
import { mountPosix } from "../client/posix-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import { closeFile, createCall, type Mount, openFile } from "../client/raw-files.ts";
import { ALL, changes, REFUSED, RIGHTS } from "./read-only-attempts.ts";
import { startServer } from "../client/server.ts";
import { look, plant } from "./planted-tree.ts";

/** Two read-only shares, and two writable ones whose snapshot is opened. */
const SHARES = ["fixed", "kept", "live", "live nt"] as const;
const TOKEN = "@GMT-2020.01.02-03.04.05";
const THEN = { seconds: 1_577_934_245, nanoseconds: 0 };

let base: string;
let server: TestServer;
const mounts = new Map<string, Mount>();

const at = (...names: string[]): string => join(base, ...names);

/** The folders that must not change. */
const lookAll = (): string[] => ["fixed", "kept", "live", "snaps"].flatMap((name) => look(at(name)));
let before: string[];

beforeAll(async () => {
  base = makeDirectory("minismbd-read-only");
  plant(at("fixed"));
  plant(at("kept"));
  plant(at("live"));
  plant(at("free"));
  plant(at(`snaps/${TOKEN}/live`));
  const parameters = {
    "vfs objects": "shadow_copy2 recycle streams_xattr acl_xattr",
    "shadow:snapdir": at("snaps"),
    "shadow:basedir": base,
    "recycle:repository": "bin",
    "recycle:maxsize": "0",
    "ea support": "yes",
    "store dos attributes": "yes",
    "smb3 unix extensions": "yes",
    "hide dot files": "no",
  };
  const readOnly = { ...parameters, "read only": "yes" };
  server = await startServer({
    parameters: { "smb3 unix extensions": "yes" },
    shares: [
      { name: "test" },
      { name: "fixed", path: at("fixed"), parameters: { ...readOnly, acl: "posix" } },
      { name: "kept", path: at("kept"), parameters: { ...readOnly, acl: "nt" } },
      { name: "live", path: at("live"), parameters: { ...parameters, acl: "posix" } },
      { name: "free", path: at("free"), parameters: { ...parameters, acl: "nt" } },
      { name: "live nt", path: at("live"), parameters: { ...parameters, acl: "nt" } },
    ],
  });
  const { client, session } = await mountPosix(server);
  for (const share of [...SHARES, "free"]) {
    mounts.set(share, { client, session, treeId: await client.connectTree(session, share) });
  }
  before = lookAll();
});
afterEach(() => {
  expect(lookAll()).toEqual(before);
});
afterAll(async () => {
  await expectServing(server);
  mounts.get("fixed")?.client.close();
  await server.stop();
  removeDirectory(base);
});

/** A mount, and the contexts that every CREATE on it has besides its own. */
interface Place {
  readonly mount: Mount;
  readonly contexts: CreateRequest["contexts"];
}

function place(share: string): Place {
  const mount = mounts.get(share);
  if (mount === undefined) throw new Error(`no mount of ${share}`);
  return { mount, contexts: share.startsWith("live") ? { timewarp: THEN } : {} };
}

function create({ mount, contexts }: Place, name: string, options: Partial<CreateRequest>): Call {
  return createCall(mount, name, { ...options, contexts: { ...contexts, ...options.contexts } });
}

interface Making {
  readonly name: string;
  readonly options: Partial<CreateRequest>;
}

const { CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF, SUPERSEDE, OPEN } = CreateDisposition;
const FILE = { desiredAccess: ALL, createOptions: CreateOption.NON_DIRECTORY_FILE };
const DIRECTORY = { desiredAccess: ALL, createOptions: CreateOption.DIRECTORY_FILE };

const makings: readonly (readonly [string, Making])[] = [
  ["a new file by CREATE", { name: "new", options: { ...FILE, createDisposition: CREATE } }],
  ["a new file by OPEN_IF", { name: "new", options: { ...FILE, createDisposition: OPEN_IF } }],
  ["a new file by OVERWRITE_IF", { name: "new", options: { ...FILE, createDisposition: OVERWRITE_IF } }],
  ["a new file by SUPERSEDE", { name: "new", options: { ...FILE, createDisposition: SUPERSEDE } }],
  ["a new directory by CREATE", { name: "dir\\new", options: { ...DIRECTORY, createDisposition: CREATE } }],
  ["a new directory by OPEN_IF", { name: "dir\\new", options: { ...DIRECTORY, createDisposition: OPEN_IF } }],
  ["an overwritten file", { name: "file", options: { ...FILE, createDisposition: OVERWRITE } }],
  [
    "a file overwritten by OVERWRITE_IF",
    { name: "file", options: { ...FILE, createDisposition: OVERWRITE_IF } },
  ],
  ["a superseded file", { name: "file", options: { ...FILE, createDisposition: SUPERSEDE } }],
  ["a new stream by CREATE", { name: "file:new", options: { ...FILE, createDisposition: CREATE } }],
  ["a new stream by OPEN_IF", { name: "file:new:$DATA", options: { ...FILE, createDisposition: OPEN_IF } }],
  ["a stream of a directory", { name: "dir:new", options: { ...FILE, createDisposition: OPEN_IF } }],
  ["a stream of a new file", { name: "new:new", options: { ...FILE, createDisposition: OPEN_IF } }],
  ["an overwritten stream", { name: "file:known", options: { ...FILE, createDisposition: OVERWRITE } }],
  ["a superseded stream", { name: "file:known", options: { ...FILE, createDisposition: SUPERSEDE } }],
  [
    "a file with extended attributes",
    {
      name: "new",
      options: {
        ...FILE,
        createDisposition: OPEN_IF,
        contexts: { extendedAttributes: attributeList({ NEW: "value" }) },
      },
    },
  ],
  [
    "a file with a security descriptor",
    {
      name: "new",
      options: { ...FILE, createDisposition: CREATE, contexts: { securityDescriptor: RIGHTS } },
    },
  ],
  [
    "a file with an allocation size",
    { name: "new", options: { ...FILE, createDisposition: OPEN_IF, contexts: { allocationSize: 65_536 } } },
  ],
  [
    "a file with a POSIX mode",
    { name: "new", options: { ...FILE, createDisposition: CREATE, contexts: { posix: { mode: 0o777 } } } },
  ],
  [
    "a directory with a POSIX mode",
    {
      name: "new",
      options: { ...DIRECTORY, createDisposition: CREATE, contexts: { posix: { mode: 0o777 } } },
    },
  ],
  [
    "an overwritten file with a POSIX mode",
    { name: "file", options: { ...FILE, createDisposition: OVERWRITE, contexts: { posix: { mode: 0 } } } },
  ],
  ...["file", "empty", "file:known", "dir\\inner"].map((name): readonly [string, Making] => [
    `${name} with DELETE_ON_CLOSE`,
    {
      name,
      options: {
        desiredAccess: ALL | Access.DELETE,
        createDisposition: OPEN,
        createOptions: CreateOption.DELETE_ON_CLOSE,
      },
    },
  ]),
];

describe.each(SHARES)("CREATE on %s is refused", (share) => {
  test.each(makings)("%s", async (_, { name, options }) => {
    const reply = await mounts.get(share)?.client.request(create(place(share), name, options));
    expectOutcome(reply?.status ?? 0, ...REFUSED);
  });
});

describe.each(SHARES)("a change through an open file on %s is refused", (share) => {
  test.each(changes)("%s", async (_, { name, access, call, allowed = REFUSED, isPosix }) => {
    const where = place(share);
    const { client } = where.mount;
    const contexts = isPosix ? { posix: { mode: 0o666 } } : {};
    const reading = { desiredAccess: Access.READ_DATA, contexts: { ...where.contexts } };
    const { fileId: source } = await openFile(where.mount, "source", reading);
    // With the right that the change needs, with all that are granted, and with those to read only.
    for (const desiredAccess of [access | Access.READ_ATTRIBUTES, Access.MAXIMUM_ALLOWED, ALL]) {
      const opened = await client.request(create(where, name, { desiredAccess, contexts }));
      if (opened.status !== Status.SUCCESS) {
        expectOutcome(opened.status, ...REFUSED);
        expect(desiredAccess).toBe(access | Access.READ_ATTRIBUTES);
        continue;
      }
      const { fileId } = decodeCreateResponse(opened.message);
      const reply = await client.request(await call(where.mount, fileId, { fileId: source }));
      expectOutcome(reply.status, ...allowed);
      await closeFile(where.mount, fileId);
    }
    await closeFile(where.mount, source);
  });
});

describe("the same requests on a writable share", () => {
  beforeEach(() => {
    for (const name of readdirSync(at("free"))) rmSync(at("free", name), { recursive: true });
    plant(at("free"));
  });

  test.each(makings)("%s", async (_, { name, options }) => {
    const { client } = place("free").mount;
    const opened = await client.request(create(place("free"), name, options));
    expectOutcome(opened.status, Status.SUCCESS);
    await closeFile(place("free").mount, decodeCreateResponse(opened.message).fileId);
  });

  // Rights and owners are changed by a server with root alone.
  const ofOwners = changes.filter(
    ([, { access }]) => (access & (Access.WRITE_DAC | Access.WRITE_OWNER)) !== 0,
  );
  const ofOthers = changes.filter((change) => !ofOwners.includes(change));
  test.each(ofOthers)("%s", changesIt);
  test.skipIf(process.getuid?.() !== 0).each(ofOwners)("%s", changesIt);

  async function changesIt(_: string, change: (typeof changes)[number][1]): Promise<void> {
    const { name, access, call, works = [Status.SUCCESS], isPosix } = change;
    const where = place("free");
    const contexts = isPosix ? { posix: { mode: 0o666 } } : {};
    const { fileId: source } = await openFile(where.mount, "source", { desiredAccess: Access.READ_DATA });
    const { fileId } = await openFile(where.mount, name, {
      desiredAccess: access | Access.READ_ATTRIBUTES | Access.READ_DATA,
      contexts,
    });
    const reply = await where.mount.client.request(await call(where.mount, fileId, { fileId: source }));
    expectOutcome(reply.status, ...works);
    await closeFile(where.mount, fileId);
    await closeFile(where.mount, source);
  }
});
