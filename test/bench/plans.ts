// The requests of each job, prepared before the measurement: frames, signed or sealed where the job is.
// [MS-SMB2] 3.2.4; compounds as Windows, macOS and the Linux kernel send them (3.2.4.1.4).
import type { Writer } from "../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../src/wire/file-id.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset, set64 } from "../../src/wire/header.ts";
import { CreateDisposition, CreateOption } from "../../src/wire/command/create.ts";
import { InfoType } from "../../src/wire/command/query-info.ts";
import { READ_RESPONSE_DATA, ReadRequestOffset } from "../../src/wire/command/read.ts";
import { WriteRequestOffset } from "../../src/wire/command/write.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { Access } from "../../src/wire/security/access.ts";
import { TRANSFORM_SIZE } from "../../src/wire/transform.ts";
import { createRandom } from "../fuzz/bytes.ts";
import type { Call } from "../e2e/client/raw-calls.ts";
import {
  closeCall,
  createCall,
  createFile,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  READ_WRITE,
  readCall,
  writeCall,
} from "../e2e/client/raw-files.ts";
import type { Job } from "./jobs.ts";
import { type LoadSocket, StepFlag, StepList } from "./load.ts";

export interface LoadMount extends Mount<LoadSocket> {}

/** Requests that no file is needed for. */
function addEchoes(mount: LoadMount, list: StepList, count: number): void {
  const echo: Call = { command: Command.ECHO, ...mount, body: (writer) => writer.u32(4) };
  const template = mount.client.build({ ...echo, messageId: 0, credits: 1, sign: false }).bytes.slice();
  for (let index = 0; index < count; index++) {
    const flags = StepFlag.FIRST | StepFlag.PATCH_IDS;
    list.add(template.length, { flags, least: ECHO_REPLY }).set(template);
  }
}

/** READ and WRITE requests have the file offset, and the FileId, at the same positions. */
const FILE_OFFSET = ReadRequestOffset.OFFSET;
if (FILE_OFFSET !== WriteRequestOffset.OFFSET) throw new Error("READ and WRITE differ");
const FILE_ID = { READ_WRITE: HEADER_SIZE + 16, QUERY_DIRECTORY: HEADER_SIZE + 8, CLOSE: HEADER_SIZE + 8 };

const SHORTEST_REPLY = HEADER_SIZE + 16;
const ECHO_REPLY = HEADER_SIZE + 4;
const SMALL_ROOM = 1024;
const ATTRIBUTES_ONLY = Access.READ_ATTRIBUTES | Access.SYNCHRONIZE;

/** Adds a request, or requests of one compound, whose message ids load.c sets. */
function addPlain(mount: LoadMount, list: StepList, calls: readonly Call[], flags: number, fileAt = 0): void {
  const parts = calls.map((call, index) => {
    const isLast = index === calls.length - 1;
    const body = (writer: Writer): void => {
      call.body(writer);
      if (isLast) return;
      writer.align(8);
      writer.patch32(HeaderOffset.NEXT_COMMAND, writer.position);
    };
    const related = index > 0 ? HeaderFlag.RELATED_OPERATIONS : 0;
    const credits = Math.max(1, call.creditCharge ?? 1);
    const room = call.room ?? SMALL_ROOM;
    return mount.client.build({ ...call, body, messageId: 0, credits, flags: related, sign: false, room })
      .bytes;
  });
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const least = SHORTEST_REPLY;
  const frame = list.add(length, { flags: flags | StepFlag.PATCH_IDS, fileAt, least });
  let at = 0;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
}

interface Transfer {
  readonly fileId: FileId;
  readonly isWrite: boolean;
  readonly size: number;
  readonly offsets: Iterable<number>;
}

/** Adds READ or WRITE requests, plain, signed or sealed as the session says. */
function addTransfers(mount: LoadMount, list: StepList, transfer: Transfer): void {
  const { client, session } = mount;
  const { fileId, isWrite, size } = transfer;
  const data = new Uint8Array(size).fill(0x5a);
  const call = isWrite ? writeCall(mount, fileId, 0, data) : readCall(mount, fileId, 0, size);
  const charge = Math.max(1, call.creditCharge ?? 1);
  const template = client.build({ ...call, messageId: 0, credits: charge, sign: false }).bytes.slice();
  const view = new DataView(template.buffer);
  const own = isWrite ? template.length - size : template.length;
  const overhead = session.seals ? TRANSFORM_SIZE : 0;
  const least = overhead + (isWrite ? SHORTEST_REPLY : READ_RESPONSE_DATA + size);
  const isPlain = !session.seals && !session.signs;
  const flags = StepFlag.FIRST | (isPlain ? StepFlag.PATCH_IDS : 0);
  const tail = isWrite && !session.seals ? { tail: data } : {};
  for (const offset of transfer.offsets) {
    set64(view, FILE_OFFSET, offset);
    set64(view, HeaderOffset.MESSAGE_ID, client.nextMessageId);
    if (!isPlain) client.nextMessageId += charge;
    if (session.seals) {
      session.sealInto(list.add(overhead + template.length, { flags, least }), template);
      continue;
    }
    if (session.signs) session.sign(template);
    list.add(own, { flags, least, ...tail }).set(template.subarray(0, own));
  }
}

function* sequence(count: number, size: number): Generator<number> {
  for (let index = 0; index < count; index++) yield index * size;
}

function* scattered(count: number, size: number, fileSize: number, seed: number): Generator<number> {
  const random = createRandom(seed);
  const blocks = Math.max(1, Math.floor(fileSize / size));
  for (let index = 0; index < count; index++) yield Math.floor(random() * blocks) * size;
}

/** CREATE, WRITE and CLOSE as three round trips: a client that unpacks an archive or copies a folder. */
function addSmallFile(mount: LoadMount, list: StepList, name: string, size: number): void {
  const create = createCall(mount, name, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OVERWRITE_IF,
    createOptions: CreateOption.NON_DIRECTORY_FILE,
  });
  const data = new Uint8Array(size).fill(0x61);
  addPlain(mount, list, [create], StepFlag.FIRST | StepFlag.TAKES_FILE);
  const write = { ...writeCall(mount, FILE_ID_ALL_ONES, 0, data), room: SMALL_ROOM + size };
  addPlain(mount, list, [write], StepFlag.PUTS_FILE, FILE_ID.READ_WRITE);
  addPlain(mount, list, [closeCall(mount, FILE_ID_ALL_ONES)], StepFlag.PUTS_FILE, FILE_ID.CLOSE);
}

/** CREATE, QUERY_INFO and CLOSE in one compound: stat(2) of the kernel's client, Explorer and Finder. */
function addStat(mount: LoadMount, list: StepList, name: string, flags = 0): void {
  const calls = [
    createCall(mount, name, { desiredAccess: ATTRIBUTES_ONLY }),
    queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.ALL, 4096),
    closeCall(mount, FILE_ID_ALL_ONES),
  ];
  addPlain(mount, list, calls, StepFlag.FIRST | flags);
}

/** CREATE with DELETE_ON_CLOSE and CLOSE in one compound: unlink(2) of the kernel's client. */
function addRemoval(mount: LoadMount, list: StepList, name: string): void {
  const create = createCall(mount, name, {
    desiredAccess: Access.DELETE,
    createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.NON_DIRECTORY_FILE,
  });
  addPlain(mount, list, [create, closeCall(mount, FILE_ID_ALL_ONES)], StepFlag.FIRST);
}

/** CREATE, QUERY_DIRECTORY until STATUS_NO_MORE_FILES, CLOSE. */
function addListing(mount: LoadMount, list: StepList, folder: string, size: number): void {
  const create = createCall(mount, folder, {
    desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  addPlain(mount, list, [create], StepFlag.FIRST | StepFlag.TAKES_FILE);
  const query = queryDirectoryCall(mount, FILE_ID_ALL_ONES, { outputBufferLength: size });
  addPlain(mount, list, [query], StepFlag.PUTS_FILE | StepFlag.REPEATS, FILE_ID.QUERY_DIRECTORY);
  addPlain(mount, list, [closeCall(mount, FILE_ID_ALL_ONES)], StepFlag.PUTS_FILE, FILE_ID.CLOSE);
}

export function listedName(index: number): string {
  return `a file with number ${index}.txt`;
}

export function smallName(connection: number, index: number): string {
  return `small-${connection}-${index}`;
}

/** Files of the folders that `stat` and `mixed` ask for. */
export const LISTED = 5000;
const MIXED_ROUNDS = 40;

interface MixedClient {
  readonly number: number;
  /** A file that all clients read. */
  readonly file: FileId;
  /** A file that this client alone writes. */
  readonly own: FileId;
}

/** One client of many: looks at files and folders, reads and writes a little, makes and removes files. */
function addMixed(mount: LoadMount, list: StepList, fileBytes: number, client: MixedClient): void {
  const { number, file, own } = client;
  const random = createRandom(number + 1);
  for (let round = 0; round < MIXED_ROUNDS; round++) {
    for (let index = 0; index < 4; index++) {
      const name = `listed\\${listedName(Math.floor(random() * LISTED))}`;
      addStat(mount, list, name, index === 0 ? StepFlag.BEGINS : 0);
    }
    const read = { fileId: file, isWrite: false };
    addTransfers(mount, list, {
      ...read,
      size: 4096,
      offsets: scattered(4, 4096, fileBytes, round + number),
    });
    addTransfers(mount, list, {
      ...read,
      size: 65_536,
      offsets: scattered(2, 65_536, fileBytes, round + number),
    });
    const write = { fileId: own, isWrite: true, size: 4096 };
    addTransfers(mount, list, { ...write, offsets: scattered(2, 4096, 1024 * 1024, round) });
    const name = `files\\${smallName(number, round)}`;
    addSmallFile(mount, list, name, 1024);
    addRemoval(mount, list, name);
    if (round % 4 === 0) addListing(mount, list, "listed-100", 65_536);
  }
}

/** Opens what the job needs and prepares the requests of connection `number`. */
export async function planOf(mount: LoadMount, job: Job, number: number): Promise<StepList> {
  const list = new StepList();
  const { kind, count, size } = job;
  if (kind === "read" || kind === "write") {
    const isWrite = kind === "write";
    const isNew = isWrite && job.ceilingTree === undefined;
    const fileId = isNew ? await createFile(mount, `${job.file}-${number}`) : await open(mount, job);
    addTransfers(mount, list, { fileId, isWrite, size, offsets: sequence(count, size) });
  } else if (kind === "randomRead" || kind === "randomWrite") {
    const isWrite = kind === "randomWrite";
    const offsets = scattered(count, size, job.fileBytes, number + 7);
    addTransfers(mount, list, { fileId: await open(mount, job, isWrite), isWrite, size, offsets });
  } else if (kind === "mixed") {
    const own = await createFile(mount, `files\\own-${number}`);
    addMixed(mount, list, job.fileBytes, { number, file: await open(mount, job), own });
  } else if (kind === "echo") {
    addEchoes(mount, list, count);
  } else {
    for (let index = 0; index < count; index++) {
      if (kind === "create") addSmallFile(mount, list, `${job.file}\\${smallName(number, index)}`, size);
      if (kind === "remove") addRemoval(mount, list, `${job.file}\\${smallName(number, index)}`);
      if (kind === "stat") addStat(mount, list, `${job.file}\\${listedName((index * 7919) % LISTED)}`);
      if (kind === "list") addListing(mount, list, job.file, size);
    }
  }
  return list;
}

async function open(mount: LoadMount, job: Job, isWrite = false): Promise<FileId> {
  if (job.ceilingTree !== undefined) return FILE_ID_ALL_ONES;
  return (await openFile(mount, job.file, isWrite ? { desiredAccess: READ_WRITE } : {})).fileId;
}
