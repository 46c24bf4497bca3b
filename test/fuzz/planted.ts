// Plants invalid data where the server reads the disk (extended attributes, sidecar, symlinks, recycle bin),
// and makes all requests that read it.
import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ACCESS_ACL, DEFAULT_ACL } from "../../src/engine/security/posix-acl.ts";
import { setXattr } from "../../src/linux/xattr.ts";
import { Access, FileGeneric } from "../../src/wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateResponse,
} from "../../src/wire/command/create.ts";
import { EMPTY } from "../../src/wire/cursor.ts";
import { Fsctl } from "../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { POSIX_INFO_CLASS } from "../../src/wire/posix.ts";
import { InfoType } from "../../src/wire/command/query-info.ts";
import { Status } from "../../src/wire/status.ts";
import { attributesCall } from "../e2e/client/attribute-calls.ts";
import {
  closeCall,
  createCall,
  deleteCall,
  ioctlCall,
  linkCall,
  type Mount,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
  renameCall,
  writeCall,
} from "../e2e/client/raw-files.ts";
import {
  descriptorOf,
  encodeDescriptor,
  querySecurityCall,
  setSecurityCall,
} from "../e2e/client/security-calls.ts";
import { TESTER_UID } from "../peer/test-server.ts";
import { mutate } from "./bytes.ts";
import { DOS_ATTRIBUTES, NTACLS, POSIX_ACLS } from "./stored-samples.ts";

const FILES = ["one", "two", "three", "folder", "folder/below"];
const STREAM = Uint8Array.fromHex("68656c6c6f00");
const TARGETS = [
  "one",
  "../canary",
  "/etc/passwd",
  ".",
  "..",
  "loop",
  "//",
  "a".repeat(4000),
  "é\\\u{1f600}:*?",
];

const pick = <T>(list: readonly T[], random: () => number): T | undefined =>
  list[Math.floor(random() * list.length)];

/** Creates files through the server, then mutates their stored metadata on the disk. Needs root. */
export async function plantGarbage(
  mount: Mount,
  root: string,
  role: string,
  random: () => number,
): Promise<void> {
  for (const path of FILES) await makeObject(mount, path);
  for (const path of FILES) spoilAttributes(join(root, path), random);
  for (const folder of [root, join(root, "folder")]) spoilSidecar(join(folder, ".minismbd"), random);
  plantLinks(root, random);
  if (role === "bin") plantInBin(root, random);
}

async function makeObject(mount: Mount, path: string): Promise<void> {
  const isFolder = path === "folder";
  const name = path.replace("/", "\\");
  const options = {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.OPEN_IF,
    createOptions: isFolder ? CreateOption.DIRECTORY_FILE : 0,
  };
  for (const each of [name, `${name}:stream`]) {
    const reply = await mount.client.request(
      createCall(
        mount,
        each,
        each === name ? { ...options, fileAttributes: 0x22 } : { ...options, createOptions: 0 },
      ),
    );
    if (reply.status !== Status.SUCCESS) continue;
    const { fileId } = decodeCreateResponse(reply.message);
    const descriptor = encodeDescriptor(descriptorOf({ aces: [["A", 3, 0x1f01ff, "S-1-1-0"]] }));
    await mount.client.request(setSecurityCall(mount, fileId, descriptor, 4));
    await mount.client.request(closeCall(mount, fileId));
  }
}

/** Mutates extended attributes as root; a value that the kernel refuses is not set. */
function spoilAttributes(path: string, random: () => number): void {
  if (!existsSync(path)) return;
  const fd = openSync(path, "r");
  const values: readonly (readonly [string, Uint8Array | undefined])[] = [
    ["user.DOSATTRIB", pick(DOS_ATTRIBUTES, random)],
    ["security.NTACL", pick(NTACLS, random)],
    ["user.DosStream.stream:$DATA", STREAM],
    ["user.DosStream.other", STREAM],
    [`user.DosStream.\u0001${"x".repeat(200)}:$DATA`, STREAM],
    ["user.DosStreamExt.1.stream:$DATA", STREAM],
    ["user.minismbd.NEED_EA", STREAM],
    ["user.EA", STREAM],
    [ACCESS_ACL, pick(POSIX_ACLS, random)],
    [DEFAULT_ACL, pick(POSIX_ACLS, random)],
  ];
  for (const [name, sample] of values) {
    if (sample !== undefined && random() < 0.7) setXattr(fd, name, mutate(sample, random));
  }
  closeSync(fd);
}

function spoilSidecar(folder: string, random: () => number): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!lstatSync(path).isFile()) continue;
    const bytes = new Uint8Array(readFileSync(path));
    const kind = random();
    if (kind < 0.5) writeFileSync(path, mutate(bytes, random));
    else if (kind < 0.6) writeFileSync(path, bytes.subarray(0, Math.floor(random() * bytes.length)));
    else if (kind < 0.7) renameSync(path, `${path}.next`);
    else if (kind < 0.8) renameSync(path, join(folder, "stranger.values"));
  }
  // A FIFO in place of an entry: opening it must not make the server wait.
  const fifo = join(folder, "fifo.values");
  if (!existsSync(fifo)) spawnSync("mkfifo", [fifo]);
  writeFileSync(join(folder, "..", "fifo"), "");
}

function plantLinks(root: string, random: () => number): void {
  for (const [i, target] of TARGETS.entries()) {
    const path = join(root, i === 5 ? "loop" : `link ${i}`);
    if (random() < 0.6 && !existsSync(path)) trySymlink(target, path);
  }
  trySymlink(Buffer.from([0xff, 0xfe, 0x2f, 0xc3]), join(root, "not utf-8"));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff, 0xf0])]), "bytes");
  if (!existsSync(join(root, "pipe"))) spawnSync("mkfifo", [join(root, "pipe")]);
}

function trySymlink(target: string | Buffer, path: string): void {
  try {
    symlinkSync(target, path);
  } catch {
    // It exists already.
  }
}

function plantInBin(root: string, random: () => number): void {
  const bin = join(root, ".recycle");
  mkdirSync(join(bin, "a/b/c"), { recursive: true });
  for (const name of ["one", "Copy #1 of one", "a/one", "a/b/c/deep"]) {
    if (random() < 0.7) writeFileSync(join(bin, name), new Uint8Array(Math.floor(random() * 400_000)));
  }
  trySymlink("../../outside", join(bin, "out"));
  trySymlink("..", join(bin, "folder"));
  if (!existsSync(join(bin, "two"))) spawnSync("mkfifo", [join(bin, "two")]);
  for (const path of [bin, join(bin, "a"), join(bin, "a/b"), join(bin, "a/b/c")]) {
    chownSync(path, TESTER_UID, TESTER_UID);
  }
}

const LEVELS = [
  FileInfoClass.DIRECTORY,
  FileInfoClass.BOTH_DIRECTORY,
  FileInfoClass.ID_BOTH_DIRECTORY,
  FileInfoClass.ID_FULL_DIRECTORY,
  POSIX_INFO_CLASS,
];
const CLASSES = [
  FileInfoClass.BASIC,
  FileInfoClass.ALL,
  FileInfoClass.STREAM,
  FileInfoClass.EA,
  FileInfoClass.ATTRIBUTE_TAG,
  POSIX_INFO_CLASS,
];
const NAMES = [
  ...[
    "",
    "folder",
    "one",
    "two",
    "three",
    "folder\\below",
    "one:stream",
    "folder:stream",
    "one:other",
    "two:stream",
  ],
  ...["loop", "fifo", "pipe", "not utf-8", "a\uf0ff\uf0f0", ...TARGETS.keys().map((i) => `link ${i}`)],
  ...[".recycle", ".recycle\\out", ".recycle\\folder\\one"],
];

const LINKS = ["link 1", "link 4", "link 6"];

/**
 * Queries, changes and deletes. Throws when a request takes longer than `maxMs` or fails with INTERNAL_ERROR.
 */
export async function lookAtEverything(mount: Mount, maxMs: number): Promise<void> {
  const { client } = mount;
  const ask = async (
    call: Parameters<typeof client.request>[0],
  ): Promise<Awaited<ReturnType<typeof client.request>>> => {
    const start = performance.now();
    const reply = await client.request(call);
    if (performance.now() - start > maxMs) throw new Error(`an answer took longer than ${maxMs} ms`);
    if (reply.status === Status.INTERNAL_ERROR) throw new Error("internal error");
    return reply;
  };
  const closeNew = async (name: string, contexts: CreateRequest["contexts"]): Promise<void> => {
    const createDisposition = CreateDisposition.OVERWRITE_IF;
    const made = await ask(
      createCall(mount, name, { desiredAccess: FileGeneric.ALL, createDisposition, contexts }),
    );
    if (made.status !== Status.SUCCESS) return;
    const { fileId } = decodeCreateResponse(made.message);
    await ask(writeCall(mount, fileId, 0, new Uint8Array(10)));
    for (const link of LINKS) await ask(linkCall(mount, fileId, `${link}\\linked`, true));
    for (const link of LINKS) await ask(renameCall(mount, fileId, `${link}\\moved`, true));
    await ask(deleteCall(mount, fileId));
    await ask(closeCall(mount, fileId));
  };
  for (const name of NAMES) {
    for (const createOptions of [0, CreateOption.OPEN_REPARSE_POINT]) {
      for (const contexts of [{}, { posix: { mode: 0 } }]) {
        const desiredAccess = Access.MAXIMUM_ALLOWED;
        const opened = await ask(createCall(mount, name, { desiredAccess, createOptions, contexts }));
        if (opened.status !== Status.SUCCESS) continue;
        const { fileId } = decodeCreateResponse(opened.message);
        for (const infoClass of CLASSES) await ask(queryInfoCall(mount, fileId, InfoType.FILE, infoClass));
        await ask(querySecurityCall(mount, fileId, 7));
        await ask(attributesCall(mount, fileId));
        await ask(readCall(mount, fileId, 0, 1000));
        await ask(ioctlCall(mount, Fsctl.GET_REPARSE_POINT, EMPTY, fileId));
        for (const infoClass of LEVELS) await ask(queryDirectoryCall(mount, fileId, { infoClass, flags: 1 }));
        await ask(closeCall(mount, fileId, 1));
      }
    }
  }
  // Links that lead out of the share must not give access to their targets.
  for (const link of LINKS) {
    for (const name of [link, `${link}\\canary`, `${link}\\made`, `${link}\\outside\\made`]) {
      for (const contexts of [{}, { posix: { mode: 0o666 } }]) await closeNew(name, contexts);
    }
  }
  // Files with invalid metadata can be renamed, replaced and deleted.
  for (const name of ["folder\\below", "one", "two", "three:stream", "three", "folder"]) {
    const opened = await ask(createCall(mount, name, { desiredAccess: FileGeneric.ALL }));
    if (opened.status !== Status.SUCCESS) continue;
    const { fileId } = decodeCreateResponse(opened.message);
    if (!name.includes(":")) await ask(renameCall(mount, fileId, `${name} again`, true));
    await ask(deleteCall(mount, fileId));
    await ask(closeCall(mount, fileId));
  }
}
