// A slow file system in its own process: the kernel's FUSE protocol (linux/fuse.h, 7.31) on /dev/fuse, files
// in memory. Usage: slow-server.ts FOLDER. Lines on stdin control it: `hold MS` delays every operation by MS,
// `stall` delays them forever, `go` ends both; `flush ERRNO` lets every FLUSH fail, `fail ERRNO` every operation. At the end of stdin it
// unmounts and exits; `die` exits without unmounting.
import { openSync, read, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { addressOf, sys } from "../../../src/linux/libc.ts";
import { DIRECTORY_TYPE, FILE_TYPE, MemoryTree, type TreeNode } from "./memory-tree.ts";

const IN_HEADER = 40;
const OUT_HEADER = 16;
const MAX_WRITE = 131_072;
const ENOSYS = -38;
const ENOENT = -2;
const ENODATA = -61;
const ERANGE = -34;

const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  SETLK: 32,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  BATCH_FORGET: 42,
  RENAME2: 45,
} as const;

/** A request: the node, the caller's ids, and the body after the header. */
interface Request {
  readonly node: TreeNode;
  readonly uid: number;
  readonly gid: number;
  readonly view: DataView;
  readonly body: Uint8Array;
}

/** The body of a reply, or -errno. */
type Reply = Uint8Array | number;

const tree = new MemoryTree();
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

function namesIn(bytes: Uint8Array): string[] {
  return decoder.decode(bytes).split("\0");
}

function nameIn(bytes: Uint8Array): string {
  return namesIn(bytes)[0] ?? "";
}

function putAttributes(view: DataView, at: number, node: TreeNode): void {
  view.setBigUint64(at, BigInt(node.id), true);
  view.setBigUint64(at + 8, BigInt(node.size), true);
  view.setBigUint64(at + 16, BigInt(Math.ceil(node.size / 512)), true);
  for (const [index, ms] of [node.accessMs, node.modifyMs, node.changeMs].entries()) {
    view.setBigUint64(at + 24 + index * 8, BigInt(Math.floor(ms / 1000)), true);
    view.setUint32(at + 48 + index * 4, Math.floor((ms % 1000) * 1e6), true);
  }
  view.setUint32(at + 60, node.mode, true);
  view.setUint32(at + 64, node.links, true);
  view.setUint32(at + 68, node.uid, true);
  view.setUint32(at + 72, node.gid, true);
  view.setUint32(at + 80, 4096, true);
}

// Time-outs of 0: the kernel caches no attributes and asks each time.
function attributesOf(node: TreeNode): Uint8Array {
  const bytes = new Uint8Array(104);
  putAttributes(new DataView(bytes.buffer), 16, node);
  return bytes;
}

function entryOf(node: TreeNode | number, extra = 0): Reply {
  if (typeof node === "number") return node;
  const bytes = new Uint8Array(128 + extra);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(node.id), true);
  putAttributes(view, 40, node);
  return bytes;
}

/** Flag of INIT: the kernel asks for byte-range locks. All are granted: there is no other client. */
const POSIX_LOCKS = 2;

function initialise({ view }: Request): Reply {
  const bytes = new Uint8Array(64);
  const out = new DataView(bytes.buffer);
  out.setUint32(0, 7, true);
  out.setUint32(4, 31, true);
  out.setUint32(8, view.getUint32(8, true), true);
  out.setUint32(12, POSIX_LOCKS, true);
  out.setUint16(16, 64, true);
  out.setUint16(18, 48, true);
  out.setUint32(20, MAX_WRITE, true);
  out.setUint32(24, 1, true);
  return bytes;
}

// Bits of fuse_setattr_in.valid.
const Valid = {
  MODE: 1,
  UID: 2,
  GID: 4,
  SIZE: 8,
  ATIME: 16,
  MTIME: 32,
  ATIME_NOW: 128,
  MTIME_NOW: 256,
} as const;

function setAttributes({ node, view }: Request): Reply {
  const valid = view.getUint32(0, true);
  const timeAt = (at: number, nanosecondsAt: number) =>
    Number(view.getBigInt64(at, true)) * 1000 + view.getUint32(nanosecondsAt, true) / 1e6;
  if ((valid & Valid.SIZE) !== 0) tree.resize(node, Number(view.getBigUint64(16, true)));
  if ((valid & Valid.ATIME) !== 0)
    node.accessMs = (valid & Valid.ATIME_NOW) !== 0 ? Date.now() : timeAt(32, 56);
  if ((valid & Valid.MTIME) !== 0)
    node.modifyMs = (valid & Valid.MTIME_NOW) !== 0 ? Date.now() : timeAt(40, 60);
  if ((valid & Valid.MODE) !== 0) node.mode = view.getUint32(68, true);
  if ((valid & Valid.UID) !== 0) node.uid = view.getUint32(76, true);
  if ((valid & Valid.GID) !== 0) node.gid = view.getUint32(80, true);
  node.changeMs = Date.now();
  return attributesOf(node);
}

function make(request: Request, type: number, nameAt: number): TreeNode | number {
  const mode = (request.view.getUint32(0, true) & 0o7777) | type;
  return tree.create(request.node, nameIn(request.body.subarray(nameAt)), mode, request.uid, request.gid);
}

function createFile(request: Request): Reply {
  const mode = (request.view.getUint32(4, true) & 0o7777) | FILE_TYPE;
  const name = nameIn(request.body.subarray(16));
  return entryOf(tree.create(request.node, name, mode, request.uid, request.gid), 16);
}

function readDirectory({ node, view }: Request): Reply {
  const offset = Number(view.getBigUint64(8, true));
  const bytes = new Uint8Array(view.getUint32(16, true));
  const out = new DataView(bytes.buffer);
  const all: [string, TreeNode][] = [[".", node], ["..", node], ...node.children];
  let at = 0;
  for (let index = offset; index < all.length; index++) {
    const [name, child] = all[index] as [string, TreeNode];
    const encoded = encoder.encode(name);
    const length = (24 + encoded.length + 7) & ~7;
    if (at + length > bytes.length) break;
    out.setBigUint64(at, BigInt(child.id), true);
    out.setBigUint64(at + 8, BigInt(index + 1), true);
    out.setUint32(at + 16, encoded.length, true);
    out.setUint32(at + 20, tree.isDirectory(child) ? 4 : 8, true);
    bytes.set(encoded, at + 24);
    at += length;
  }
  return bytes.subarray(0, at);
}

function readFile({ node, view }: Request): Reply {
  const offset = Number(view.getBigUint64(8, true));
  return node.data.subarray(
    Math.min(offset, node.size),
    Math.min(node.size, offset + view.getUint32(16, true)),
  );
}

function writeFile({ node, view, body }: Request): Reply {
  const size = view.getUint32(16, true);
  tree.write(node, body.subarray(40, 40 + size), Number(view.getBigUint64(8, true)));
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, size, true);
  return bytes;
}

function sized(value: Uint8Array | undefined, room: number): Reply {
  if (value === undefined) return ENODATA;
  if (room > 0) return value.length > room ? ERANGE : value;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value.length, true);
  return bytes;
}

function setValue({ node, view, body }: Request): Reply {
  const name = nameIn(body.subarray(8));
  const at = 8 + encoder.encode(name).length + 1;
  node.attributes.set(name, body.slice(at, at + view.getUint32(0, true)));
  return EMPTY;
}

function rename({ node, view, body }: Request, namesAt: number, flags: number): Reply {
  const to = tree.find(Number(view.getBigUint64(0, true)));
  const [from = "", name = ""] = namesIn(body.subarray(namesAt));
  return to === undefined ? ENOENT : tree.rename(node, from, to, name, (flags & 1) === 0);
}

function statFileSystem(): Reply {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  for (const at of [0, 8, 16, 24, 32]) view.setBigUint64(at, 1_000_000n, true);
  view.setUint32(40, 4096, true);
  view.setUint32(44, 255, true);
  view.setUint32(48, 4096, true);
  return bytes;
}

let flushErrno = 0;

const handlers: Readonly<Record<number, (request: Request) => Reply>> = {
  [Opcode.INIT]: initialise,
  [Opcode.LOOKUP]: ({ node, body }) => entryOf(node.children.get(nameIn(body)) ?? ENOENT),
  [Opcode.GETATTR]: ({ node }) => attributesOf(node),
  [Opcode.SETATTR]: setAttributes,
  [Opcode.MKNOD]: (request) => entryOf(make(request, FILE_TYPE, 16)),
  [Opcode.MKDIR]: (request) => entryOf(make(request, DIRECTORY_TYPE, 8)),
  [Opcode.UNLINK]: ({ node, body }) => tree.remove(node, nameIn(body), false),
  [Opcode.RMDIR]: ({ node, body }) => tree.remove(node, nameIn(body), true),
  [Opcode.RENAME]: (request) => rename(request, 8, 0),
  [Opcode.RENAME2]: (request) => rename(request, 16, request.view.getUint32(8, true)),
  [Opcode.OPEN]: () => new Uint8Array(16),
  [Opcode.OPENDIR]: () => new Uint8Array(16),
  [Opcode.CREATE]: createFile,
  [Opcode.READ]: readFile,
  [Opcode.READDIR]: readDirectory,
  [Opcode.WRITE]: writeFile,
  [Opcode.STATFS]: statFileSystem,
  [Opcode.GETXATTR]: ({ node, view, body }) =>
    sized(node.attributes.get(nameIn(body.subarray(8))), view.getUint32(0, true)),
  [Opcode.LISTXATTR]: ({ node, view }) =>
    sized(
      encoder.encode([...node.attributes.keys()].map((name) => `${name}\0`).join("")),
      view.getUint32(0, true),
    ),
  [Opcode.SETXATTR]: setValue,
  [Opcode.SETLK]: () => EMPTY,
  [Opcode.FLUSH]: () => (flushErrno === 0 ? EMPTY : -flushErrno),
  [Opcode.REMOVEXATTR]: ({ node, body }) => (node.attributes.delete(nameIn(body)) ? EMPTY : ENODATA),
};

const withoutBody: ReadonlySet<number> = new Set([
  Opcode.RELEASE,
  Opcode.RELEASEDIR,
  Opcode.FSYNC,
  Opcode.FSYNCDIR,
  Opcode.DESTROY,
]);
const unanswered: ReadonlySet<number> = new Set([Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT]);

let holdMs = 0;
let failErrno = 0;
const held: (() => void)[] = [];

/** Resolves when the operation may proceed; undefined: at once. */
function turn(): Promise<void> | undefined {
  if (holdMs === 0) return undefined;
  return new Promise((resolve) => {
    held.push(resolve);
    if (holdMs < Number.POSITIVE_INFINITY) setTimeout(resolve, holdMs);
  });
}

async function serve(device: number, bytes: Uint8Array): Promise<void> {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opcode = header.getUint32(4, true);
  if (unanswered.has(opcode)) return;
  if (opcode !== Opcode.INIT) await turn();
  const node = tree.find(Number(header.getBigUint64(16, true))) ?? tree.find(1);
  const handler = handlers[opcode];
  let reply: Reply = withoutBody.has(opcode) ? EMPTY : ENOSYS;
  if (failErrno !== 0 && opcode !== Opcode.INIT) reply = -failErrno;
  else if (handler !== undefined && node !== undefined) {
    const body = bytes.subarray(IN_HEADER);
    const view = new DataView(bytes.buffer, bytes.byteOffset + IN_HEADER, body.length);
    reply = handler({ node, uid: header.getUint32(24, true), gid: header.getUint32(28, true), view, body });
  }
  const data = typeof reply === "number" ? EMPTY : reply;
  const out = new Uint8Array(OUT_HEADER + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, out.length, true);
  view.setInt32(4, typeof reply === "number" ? reply : 0, true);
  view.setBigUint64(8, header.getBigUint64(8, true), true);
  out.set(data, OUT_HEADER);
  try {
    writeSync(device, out);
  } catch {
    // ENOENT: the caller has been interrupted meanwhile.
  }
}

function receive(device: number): void {
  const bytes = new Uint8Array(MAX_WRITE + 4096);
  read(device, bytes, 0, bytes.length, null, (error, length) => {
    if (error?.code === "ENODEV") process.exit(0);
    if (error === null || error === undefined) void serve(device, bytes.subarray(0, length));
    receive(device);
  });
}

const x64 = process.arch === "x64";
const MOUNT = x64 ? 165 : 40;
const UMOUNT = x64 ? 166 : 39;
const MNT_DETACH = 2;
const MS_NOSUID_NODEV = 6;

function cText(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

function unmount(folder: string): void {
  const target = cText(folder);
  sys(UMOUNT, addressOf(target), MNT_DETACH);
}

function main(folder: string): void {
  const device = openSync("/dev/fuse", "r+");
  const [source, target, type] = [cText("slow"), cText(folder), cText("fuse.slow")];
  const options = cText(`fd=${device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions`);
  const result = sys(
    MOUNT,
    addressOf(source),
    addressOf(target),
    addressOf(type),
    MS_NOSUID_NODEV,
    addressOf(options),
  );
  if (result < 0) throw new Error(`mount of ${folder} failed with ${result}`);
  receive(device);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [word, number] = line.split(" ");
    if (word === "die") process.kill(process.pid, "SIGKILL");
    if (word === "hold") holdMs = Number(number);
    if (word === "flush") flushErrno = Number(number);
    if (word === "fail") failErrno = Number(number);
    if (word === "stall") holdMs = Number.POSITIVE_INFINITY;
    if (word === "go") {
      holdMs = 0;
      for (const goOn of held.splice(0)) goOn();
    }
    process.stdout.write(`${word}\n`);
  });
  lines.on("close", () => {
    unmount(folder);
    process.exit(0);
  });
  process.stdout.write("ready\n");
}

main(process.argv[2] ?? "");
