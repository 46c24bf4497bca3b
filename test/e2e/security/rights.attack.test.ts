// Attempts to get more than a security descriptor grants, by users who share one uid on disk, and to get
// around the encryption that a share requires.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, type CreateRequest } from "../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { encodeDuplicateExtents } from "../../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { POSIX_EXTENSIONS_ID } from "../../../src/wire/posix.ts";
import { Status } from "../../../src/wire/status.ts";
import {
  makeDirectory,
  removeDirectory,
  TESTER,
  type TestServer,
  type User,
} from "../../peer/test-server.ts";
import {
  attributeList,
  attributesCall,
  bytesOf,
  setAttributes,
  setBasic,
} from "../client/attribute-calls.ts";
import { copyCall, resumeKey } from "../client/fsctl-calls.ts";
import { makeFile, mountPosix } from "../client/posix-calls.ts";
import { contextsOf } from "../client/raw-calls.ts";
import {
  closeFile,
  createCall,
  createFile,
  deleteCall,
  ioctlCall,
  linkCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  renameCall,
  writeFile,
} from "../client/raw-files.ts";
import {
  type AceText,
  descriptorOf,
  encodeDescriptor,
  openAll,
  securityOf,
  setSecurity,
} from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { expectOutcome, mountTest } from "../client/attack-rig.ts";

// Two users without an account on the machine: their files belong to one uid.
const ANNA: User = { user: "anna-without-account", password: "third-3" };
const BERT: User = { user: "bert-without-account", password: "fourth-4" };
const SHARES = ["nt", "nt without attributes"] as const;
const secret = new TextEncoder().encode("secret");

describe.skipIf(process.getuid?.() !== 0).each(SHARES)("security descriptors on [%s]", (share) => {
  let server: TestServer;
  let root = "";
  let anna: Mount;
  let bert: Mount;
  let annaSid = "";
  let bertSid = "";

  beforeAll(async () => {
    root = makeDirectory("rights");
    chmodSync(root, 0o777);
    const parameters = {
      acl: "nt",
      "ea support": "yes",
      "store dos attributes": share === "nt" ? "yes" : "no",
      "map readonly": "yes",
    };
    server = await startServer({ users: [ANNA, BERT], shares: [{ name: "test", path: root, parameters }] });
    anna = await mountShare(server, ANNA, "test");
    bert = await mountShare(server, BERT, "test");
    for (const [mount, name] of [
      [anna, "anna's"],
      [bert, "bert's"],
    ] as const) {
      await closeFile(mount, await openAll(mount, name));
    }
    annaSid = (await securityOf(anna, "anna's")).owner ?? "";
    bertSid = (await securityOf(bert, "bert's")).owner ?? "";
    expect(annaSid).not.toBe(bertSid);
  });
  afterAll(async () => {
    for (const mount of [anna, bert]) mount.client.close();
    await server.stop();
    removeDirectory(root);
  });

  /** Makes a file of Anna's with `secret` in it and a DACL with these rights; 0: no entry for Bert. */
  async function make(name: string, forBert: number, forAnna: number = FileGeneric.ALL): Promise<void> {
    const file = await openAll(anna, name, { createDisposition: CreateDisposition.CREATE });
    await writeFile(anna, file, 0, secret);
    const aces: AceText[] = [["A", 0, forAnna, annaSid]];
    if (forBert !== 0) aces.push(["A", 0, forBert, bertSid]);
    expect(await setSecurity(anna, file, { aces }, SecurityInformation.DACL)).toBe(Status.SUCCESS);
    await closeFile(anna, file);
  }

  beforeEach(() => rmSync(join(root, "file"), { force: true }));

  async function bertTries(name: string, options: Partial<CreateRequest>): Promise<number> {
    const reply = await bert.client.request(createCall(bert, name, options));
    return reply.status;
  }

  async function expectClosed(name: string): Promise<void> {
    for (const desiredAccess of [
      Access.READ_DATA,
      Access.WRITE_DATA,
      Access.READ_EA,
      Access.WRITE_DAC,
      Access.WRITE_OWNER,
    ]) {
      expectOutcome(await bertTries(name, { desiredAccess }), Status.ACCESS_DENIED);
    }
  }

  test("a client that may only change attributes gains no access by changing them", async () => {
    const ATTRIBUTES = Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES;
    await make("file", ATTRIBUTES, FileGeneric.READ | Access.WRITE_DAC | Access.DELETE);
    const { mode } = statSync(join(root, "file"));
    for (const attributes of [
      FileAttribute.READONLY,
      FileAttribute.NORMAL,
      FileAttribute.HIDDEN,
      FileAttribute.ARCHIVE,
    ]) {
      const { fileId } = await openFile(bert, "file", { desiredAccess: ATTRIBUTES });
      await setBasic(bert, fileId, { attributes });
      await closeFile(bert, fileId);
      expect(statSync(join(root, "file")).mode).toBe(mode);
      await expectClosed("file");
    }
  });

  test("a client gains no access by making a hard link", async () => {
    await make("file", Access.READ_ATTRIBUTES);
    const { fileId } = await openFile(bert, "file", { desiredAccess: Access.READ_ATTRIBUTES });
    expectOutcome(
      (await bert.client.request(linkCall(bert, fileId, "bert's link", false))).status,
      Status.SUCCESS,
      Status.ACCESS_DENIED,
    );
    await closeFile(bert, fileId);
    if (existsSync(join(root, "bert's link"))) await expectClosed("bert's link");
  });

  test("a client without access to the data has none to streams, attributes and the name either", async () => {
    await make("file", 0);
    const file = await openAll(anna, "file");
    expect(await setAttributes(anna, file, attributeList({ SECRET: "value" }))).toBe(Status.SUCCESS);
    await closeFile(anna, file);
    await closeFile(
      anna,
      (
        await openFile(anna, "file:stream", {
          desiredAccess: READ_WRITE,
          createDisposition: CreateDisposition.CREATE,
        })
      ).fileId,
    );
    await expectClosed("file");
    await expectClosed("file:stream");
    for (const createDisposition of [
      CreateDisposition.OPEN_IF,
      CreateDisposition.SUPERSEDE,
      CreateDisposition.OVERWRITE_IF,
    ]) {
      for (const name of ["file:stream", "file:new", "file"]) {
        const options = { desiredAccess: Access.READ_ATTRIBUTES, createDisposition };
        const status = await bertTries(name, options);
        if (name === "file" && createDisposition === CreateDisposition.OPEN_IF) continue;
        if (name === "file:stream" && createDisposition === CreateDisposition.OPEN_IF) continue;
        expectOutcome(status, Status.ACCESS_DENIED);
      }
    }
    // READ_ATTRIBUTES, which everybody who may list the directory has, gives no other right.
    const { fileId } = await openFile(bert, "file", { desiredAccess: Access.READ_ATTRIBUTES });
    expectOutcome((await bert.client.request(attributesCall(bert, fileId))).status, Status.ACCESS_DENIED);
    expect(await setAttributes(bert, fileId, { NEW: "value" })).toBe(Status.ACCESS_DENIED);
    expect(await setBasic(bert, fileId, { attributes: FileAttribute.HIDDEN })).toBe(Status.ACCESS_DENIED);
    expectOutcome(
      (await bert.client.request(renameCall(bert, fileId, "gone", false))).status,
      Status.ACCESS_DENIED,
    );
    await closeFile(bert, fileId);
    expect(readFileSync(join(root, "file"), "utf8")).toBe("secret");
  });

  test("a well-known SID as owner gives nobody an owner's rights, and another user's SID is refused", async () => {
    await make("file", FileGeneric.READ | Access.WRITE_OWNER);
    const foreign = annaSid.replace(/\d+$/, "500");
    for (const owner of ["S-1-1-0", "S-1-5-11", "S-1-5-2", "S-1-5-32-545", foreign]) {
      const { fileId } = await openFile(bert, "file", { desiredAccess: Access.WRITE_OWNER });
      const isForeign = owner === foreign;
      const set = await setSecurity(bert, fileId, { owner }, SecurityInformation.OWNER);
      expectOutcome(set, isForeign ? Status.INVALID_OWNER : Status.SUCCESS);
      await closeFile(bert, fileId);
      // Samba accepts well-known SIDs as owners; they give nobody the rights of an owner.
      expectOutcome(await bertTries("file", { desiredAccess: Access.WRITE_DAC }), Status.ACCESS_DENIED);
      const aces: AceText[] = [["A", 0, FileGeneric.ALL, bertSid]];
      const securityDescriptor = encodeDescriptor(descriptorOf({ owner, aces }));
      const options = { desiredAccess: FileGeneric.ALL, createDisposition: CreateDisposition.CREATE };
      const made = await bertTries("owned", { ...options, contexts: { securityDescriptor } });
      expectOutcome(made, isForeign ? Status.INVALID_OWNER : Status.SUCCESS);
      expect(existsSync(join(root, "owned"))).toBe(!isForeign);
      rmSync(join(root, "owned"), { force: true });
    }
  });

  test("an open with MAXIMUM_ALLOWED has no more access than the descriptor grants", async () => {
    await make("file", FileGeneric.READ);
    const { fileId } = await openFile(bert, "file", { desiredAccess: Access.MAXIMUM_ALLOWED });
    expect(await setBasic(bert, fileId, { attributes: FileAttribute.HIDDEN })).toBe(Status.ACCESS_DENIED);
    const range = { source: fileId, sourceOffset: 0, targetOffset: 0, byteCount: 6 };
    const clone = bytesOf((writer) => encodeDuplicateExtents(writer, range));
    const own = await createFile(bert, "copy");
    for (const call of [
      copyCall(bert, fileId, await resumeKey(bert, own), [{ sourceOffset: 0, targetOffset: 0, length: 1 }]),
      ioctlCall(bert, Fsctl.DUPLICATE_EXTENTS_TO_FILE, clone, fileId),
      ioctlCall(bert, Fsctl.SET_SPARSE, new Uint8Array([1]), fileId),
    ]) {
      expectOutcome((await bert.client.request(call)).status, Status.ACCESS_DENIED);
    }
    // A resume key or a FileId of another session is not valid here.
    const hers = (await openFile(anna, "file", { desiredAccess: Access.READ_DATA })).fileId;
    const chunks = [{ sourceOffset: 0, targetOffset: 0, length: 6 }];
    const stolen = await bert.client.request(copyCall(bert, own, await resumeKey(anna, hers), chunks));
    expectOutcome(stolen.status, Status.OBJECT_NAME_NOT_FOUND);
    const other = bytesOf((writer) => encodeDuplicateExtents(writer, { ...range, source: hers }));
    const call = ioctlCall(bert, Fsctl.DUPLICATE_EXTENTS_TO_FILE, other, own);
    expectOutcome(
      (await bert.client.request(call)).status,
      Status.INVALID_HANDLE,
      Status.INVALID_DEVICE_REQUEST,
    );
    expect(await readFile(bert, own, 0, 10)).toHaveLength(0);
    for (const [mount, id] of [
      [bert, fileId],
      [bert, own],
      [anna, hers],
    ] as const)
      await closeFile(mount, id);
  });

  test("a client that may not read a file cannot read it by a copy", async () => {
    await make("file", Access.READ_ATTRIBUTES | Access.WRITE_DATA);
    const source = (await openFile(bert, "file", { desiredAccess: Access.WRITE_DATA })).fileId;
    const own = await createFile(bert, "copy");
    const chunks = [{ sourceOffset: 0, targetOffset: 0, length: 6 }];
    const reply = await bert.client.request(copyCall(bert, own, await resumeKey(bert, source), chunks));
    expectOutcome(reply.status, Status.ACCESS_DENIED);
    for (const id of [source, own]) await closeFile(bert, id);
  });
});

test("an unencrypted request to copy from a share that requires encryption is denied", async () => {
  const shares = [{ name: "test" }, { name: "secret", parameters: { "smb3 encryption": "mandatory" } }];
  const server = await startServer({ shares });
  try {
    const plain = await mountTest(server);
    plain.session.seals = true;
    const sealed = { ...plain, treeId: await plain.client.connectTree(plain.session, "secret") };
    const source = await createFile(sealed, "source");
    await writeFile(sealed, source, 0, secret);
    const key = await resumeKey(sealed, source);
    const chunks = [{ sourceOffset: 0, targetOffset: 0, length: secret.length }];
    const target = await createFile(plain, "target");
    const range = { source, sourceOffset: 0, targetOffset: 0, byteCount: 4096 };
    const clone = ioctlCall(
      plain,
      Fsctl.DUPLICATE_EXTENTS_TO_FILE,
      bytesOf((writer) => encodeDuplicateExtents(writer, range)),
      target,
    );
    plain.session.seals = false;
    for (const call of [copyCall(plain, target, key, chunks), clone]) {
      expectOutcome((await plain.client.request(call)).status, Status.ACCESS_DENIED);
    }
    expect(await readFile(plain, target, 0, 100)).toHaveLength(0);
    plain.session.seals = true;
    await plain.client.demand("copy", copyCall(plain, target, key, chunks));
    expect(await readFile(plain, target, 0, 100)).toEqual(secret);
    await closeFile(plain, target);
    await closeFile(sealed, source);
    plain.client.close();
  } finally {
    await server.stop();
  }
});

test.skipIf(process.getuid?.() !== 0)(
  "a client cannot make a set-group-id program of a group that it is not in",
  async () => {
    const root = makeDirectory("setgid");
    mkdirSync(join(root, "share"));
    // A group that the user is not in.
    chmodSync(join(root, "share"), 0o2777);
    Bun.spawnSync(["chgrp", "4", join(root, "share")]);
    const parameters = { "smb3 unix extensions": "yes", "create mask": "07777" };
    const server = await startServer({
      users: [{ ...TESTER, user: "daemon" }],
      shares: [{ name: "test", path: join(root, "share"), parameters }],
      parameters: { "smb3 unix extensions": "yes" },
    });
    try {
      const mount = await mountShare(server, { ...TESTER, user: "daemon" }, "test", {
        contexts: [...contextsOf({}), { kind: "posix", versions: POSIX_EXTENSIONS_ID }],
      });
      await makeFile(mount, "program", 0o2755);
      const { mode, gid } = statSync(join(root, "share", "program"));
      expect([gid, mode & 0o7777]).toEqual([4, 0o755]);
      mount.client.close();
    } finally {
      await server.stop();
      removeDirectory(root);
    }
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "a client cannot make a set-user-id program unless `create mask` allows it",
  async () => {
    const shares = [{ name: "test" }, { name: "masked", parameters: { "create mask": "04755" } }];
    const server = await startServer({ shares, parameters: { "smb3 unix extensions": "yes" } });
    try {
      const { client, session } = await mountPosix(server);
      for (const [share, expected] of [
        ["test", 0o755],
        ["masked", 0o4755],
      ] as const) {
        const mount = { client, session, treeId: await client.connectTree(session, share) };
        const path = join(server.shares.get(share) ?? "", "program");
        await makeFile(mount, "program", 0o6755);
        const { fileId } = await openFile(mount, "program", { desiredAccess: Access.WRITE_DAC });
        const mode = { aces: [["A", 0, 0, `S-1-5-88-3-${0o6755}`]] } as const;
        expectOutcome(await setSecurity(mount, fileId, mode, SecurityInformation.DACL), Status.SUCCESS);
        await closeFile(mount, fileId);
        expect(statSync(path).mode & 0o7777).toBe(expected);
        // A bit that is already set stays.
        chmodSync(path, 0o4755);
        const again = await openFile(mount, "program", { desiredAccess: Access.WRITE_DAC });
        await setSecurity(mount, again.fileId, mode, SecurityInformation.DACL);
        await closeFile(mount, again.fileId);
        expect(statSync(path).mode & 0o7777).toBe(0o4755);
      }
      client.close();
    } finally {
      await server.stop();
    }
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "MAXIMUM_ALLOWED lets no client delete a file in a directory that it may not write to",
  async () => {
    const server = await startServer();
    try {
      const root = server.shares.get("test") ?? "";
      mkdirSync(join(root, "closed"));
      writeFileSync(join(root, "closed", "file"), "kept");
      chmodSync(join(root, "closed", "file"), 0o666);
      const mount = await mountTest(server);
      const options = { desiredAccess: Access.MAXIMUM_ALLOWED };
      const { fileId } = await openFile(mount, "closed\\file", options);
      expect(await writeFile(mount, fileId, 0, secret)).toBe(secret.length);
      expectOutcome((await mount.client.request(deleteCall(mount, fileId))).status, Status.ACCESS_DENIED);
      await closeFile(mount, fileId);
      expect(readFileSync(join(root, "closed", "file"), "utf8")).toBe("secret");
      const own = await openFile(mount, "own", { ...options, createDisposition: CreateDisposition.CREATE });
      await closeFile(mount, own.fileId);
      const again = await openFile(mount, "own", options);
      await mount.client.demand("delete", deleteCall(mount, again.fileId));
      await closeFile(mount, again.fileId);
      mount.client.close();
    } finally {
      await server.stop();
    }
  },
);
