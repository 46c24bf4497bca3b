// A Mac that backs up by Time Machine, as a server sees it: a sparse bundle whose bands are files of one size, a
// lease and a durable open for each file that is open, byte-range locks on the image's lock files, and FLUSH with
// Reserved1 = 0xffff where the image's file system asks for F_FULLFSYNC. Knows of each block of 64 KiB which
// contents a restore may find: the last one that was flushed, and what was written after it.
import { randomBytes } from "node:crypto";
import { BODY } from "../../../src/wire/body.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { FlushRequestOffset } from "../../../src/wire/command/flush.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { type FileId, writeFileId } from "../../../src/wire/file-id.ts";
import { decodeFsFullSizeInformation } from "../../../src/wire/fscc/fs-information.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type User } from "../../peer/test-server.ts";
import { leasingClient, RWH, withLease } from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { StatusError } from "../client/raw-client.ts";
import {
  callOn,
  closeCall,
  closeFile,
  createDirectory,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import type { Place, RawSocket } from "../client/raw-socket.ts";

export const BLOCK_BYTES = 65_536;
export const MIB = 1024 * 1024;
/** 1 MiB. */
const BLOCKS_AT_ONCE = 16;
/** What macOS asks for; the server's own limit is 300 s. */
const TIMEOUT_MS = 120_000;

/** The content of a block, other for each seed. */
export function contentOf(seed: number): Uint8Array {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}

/** FLUSH with Reserved1 as macOS sends it for F_FULLFSYNC. */
export async function fullSync(mount: Mount, fileId: FileId): Promise<number> {
  const call = callOn(mount, Command.FLUSH, (writer) => {
    writer.u16(24);
    writer.u16(0xffff);
    writer.zero(FlushRequestOffset.FILE_ID - BODY - 4);
    writeFileId(writer, fileId);
  });
  return (await mount.client.request(call)).status;
}

export interface Space {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

/** What a client sees of the disk at a directory. */
export async function spaceAt(mount: Mount, directory = ""): Promise<Space> {
  const { fileId } = await openFile(mount, directory, { desiredAccess: 0x80 });
  const query = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, FsInfoClass.FULL_SIZE);
  const reply = await mount.client.demand("space", query);
  await closeFile(mount, fileId);
  const { buffer } = decodeQueryInfoResponse(reply.message);
  const { totalUnits, availableUnits, sectorsPerUnit, bytesPerSector } = decodeFsFullSizeInformation(buffer);
  const unit = sectorsPerUnit * bytesPerSector;
  return { totalBytes: totalUnits * unit, availableBytes: availableUnits * unit };
}

/** A durable open with a lease. */
interface Held {
  readonly name: string;
  readonly createGuid: Uint8Array;
  readonly leaseKey: Uint8Array;
  fileId: FileId;
}

interface Writing {
  /** The content: see `contentOf`. */
  readonly seed: number;
  isAnswered: boolean;
}

/** The contents that a block may have. */
interface Block {
  /** The seed of the last one that was flushed; 0: none. */
  flushed: number;
  /** Written after that, in order. */
  later: Writing[];
}

export interface MachineOptions {
  readonly share: string;
  /** Without `.sparsebundle`. */
  readonly name: string;
  readonly bandBytes: number;
  readonly user?: User;
}

export class BackupMachine {
  private readonly options: MachineOptions;
  private readonly place: Place;
  private readonly clientGuid = new Uint8Array(randomBytes(16));
  readonly bundle: string;
  mount!: Mount<RawSocket>;
  private readonly held = new Map<string, Held>();
  private readonly blocks = new Map<number, Map<number, Block>>();
  private seed = 1;

  private constructor(place: Place, options: MachineOptions) {
    this.place = place;
    this.options = options;
    this.bundle = `${options.name}.sparsebundle`;
  }

  static async connect(place: Place, options: MachineOptions): Promise<BackupMachine> {
    const machine = new BackupMachine(place, options);
    await machine.logOn(0);
    return machine;
  }

  private async logOn(previousSessionId: number): Promise<void> {
    const { share, user = TESTER } = this.options;
    const options = leasingClient(this.clientGuid);
    this.mount = await mountShare(this.place, { ...user, previousSessionId }, share, options);
  }

  /** As hdiutil and backupd make it: the property list and its copy, the token, the lock, bands. */
  async makeBundle(): Promise<void> {
    const { mount, bundle } = this;
    for (const directory of ["", "\\bands", "\\mapped"])
      await closeFile(mount, await createDirectory(mount, `${bundle}${directory}`));
    const text = Buffer.from(this.propertyList);
    for (const name of ["Info.plist", "Info.bckup", "com.apple.TimeMachine.MachineID.plist"])
      await this.store(name, text);
    await this.store("token", new Uint8Array());
    await this.attach();
  }

  /** Locks the image, as whoever has it attached does. Throws where another machine has. */
  async attach(): Promise<void> {
    const { mount } = this;
    for (const name of ["token", "lock"]) {
      const { fileId } = await this.open(name);
      const status = await mount.client.outcome(lockOne(mount, fileId, 0, 1, EXCLUSIVE_NOW));
      if (status !== Status.SUCCESS) throw new StatusError(`lock of ${name}`, Number(status));
    }
  }

  get blocksOfBand(): number {
    return this.options.bandBytes / BLOCK_BYTES;
  }

  /** Bytes that were flushed. */
  get flushedBytes(): number {
    let count = 0;
    for (const blocks of this.blocks.values())
      for (const { flushed } of blocks.values()) if (flushed > 0) count++;
    return count * BLOCK_BYTES;
  }

  get propertyList(): string {
    return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
\t<key>CFBundleInfoDictionaryVersion</key>
\t<string>6.0</string>
\t<key>band-size</key>
\t<integer>${this.options.bandBytes}</integer>
\t<key>bundle-backingstore-version</key>
\t<integer>1</integer>
\t<key>diskimage-bundle-type</key>
\t<string>com.apple.diskimage.sparsebundle</string>
\t<key>size</key>
\t<integer>${2 ** 40}</integer>
</dict>
</plist>
`;
  }

  /** Writes a small file of the bundle under another name, and renames it, as NSData does atomically. */
  private async store(name: string, data: Uint8Array): Promise<void> {
    const { mount, bundle } = this;
    const { fileId } = await openFile(mount, `${bundle}\\${name}`, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OVERWRITE_IF,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    });
    if (data.length > 0) await writeFile(mount, fileId, 0, data);
    if ((await fullSync(mount, fileId)) !== Status.SUCCESS) throw new Error(`FLUSH of ${name}`);
    await closeFile(mount, fileId);
  }

  private async open(name: string): Promise<Held> {
    const known = this.held.get(name);
    if (known !== undefined) return known;
    const createGuid = new Uint8Array(randomBytes(16));
    const leaseKey = new Uint8Array(randomBytes(16));
    const { fileId, contexts } = await openFile(
      this.mount,
      `${this.bundle}\\${name}`,
      withLease(leaseOf(leaseKey), {
        desiredAccess: READ_WRITE,
        createDisposition: CreateDisposition.OPEN_IF,
        createOptions: CreateOption.NON_DIRECTORY_FILE,
        contexts: { durableRequestV2: { timeoutMs: TIMEOUT_MS, flags: 0, createGuid } },
      }),
    );
    if (contexts.durableV2?.timeoutMs !== TIMEOUT_MS) throw new Error(`${name} is not durable`);
    if (contexts.lease?.state !== RWH) throw new Error(`${name} has no lease`);
    const held = { name, createGuid, leaseKey, fileId };
    this.held.set(name, held);
    return held;
  }

  /** Writes new contents to blocks that follow each other, by one WRITE. Throws StatusError. */
  private async write(band: number, first: number, count: number): Promise<void> {
    const { fileId } = await this.open(bandName(band));
    const writings = Array.from({ length: count }, () => ({ seed: this.seed++, isAnswered: false }));
    for (const [i, writing] of writings.entries()) this.blockOf(band, first + i).later.push(writing);
    const data = Buffer.concat(writings.map(({ seed }) => contentOf(seed)));
    await writeFile(this.mount, fileId, first * BLOCK_BYTES, data);
    for (const writing of writings) writing.isAnswered = true;
  }

  private blockOf(band: number, index: number): Block {
    let blocks = this.blocks.get(band);
    if (blocks === undefined) this.blocks.set(band, (blocks = new Map()));
    let block = blocks.get(index);
    if (block === undefined) blocks.set(index, (block = { flushed: 0, later: [] }));
    return block;
  }

  /** F_FULLFSYNC of a band whose writes have been answered. Throws StatusError. */
  async flush(band: number): Promise<void> {
    const { fileId } = await this.open(bandName(band));
    const status = await fullSync(this.mount, fileId);
    if (status !== Status.SUCCESS) throw new StatusError("FLUSH", status);
    for (const block of this.blocks.get(band)?.values() ?? []) {
      const last = block.later.findLastIndex(({ isAnswered }) => isAnswered);
      if (last < 0) continue;
      block.flushed = block.later[last]?.seed ?? 0;
      block.later = block.later.slice(last + 1);
    }
  }

  /** Writes `count` blocks of a band from `first` on, as many at once as the server takes, and flushes them. */
  async backUp(band: number, first: number, count: number): Promise<void> {
    await this.open(bandName(band));
    const writes: Promise<void>[] = [];
    const most = this.mount.client.negotiated?.maxWriteSize ?? BLOCK_BYTES;
    const step = Math.min(BLOCKS_AT_ONCE, most / BLOCK_BYTES);
    for (let at = 0; at < count; at += step)
      writes.push(this.write(band, first + at, Math.min(step, count - at)));
    const [failed] = (await Promise.allSettled(writes)).filter(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    await this.flush(band);
  }

  async removeBand(band: number): Promise<void> {
    const { mount } = this;
    await this.close(bandName(band));
    const { fileId } = await openFile(mount, `${this.bundle}\\${bandName(band)}`, {
      desiredAccess: READ_WRITE,
      createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.NON_DIRECTORY_FILE,
    });
    await closeFile(mount, fileId);
    this.blocks.delete(band);
  }

  private async close(name: string): Promise<void> {
    const held = this.held.get(name);
    if (held === undefined) return;
    this.held.delete(name);
    await this.mount.client.request(closeCall(this.mount, held.fileId));
  }

  /** The image is detached: all files are closed. */
  async detach(): Promise<void> {
    for (const name of [...this.held.keys()]) await this.close(name);
  }

  /** The connection is lost, without a word to the server. */
  cut(): void {
    this.mount.client.close();
  }

  /** Connects again and asks for the durable opens. Returns how many came back; the others are forgotten. */
  async resume(): Promise<{ back: number; gone: number }> {
    await this.logOn(this.mount.session.id);
    const counts = { back: 0, gone: 0 };
    for (const held of [...this.held.values()]) {
      const { fileId, createGuid, leaseKey } = held;
      try {
        const again = await openFile(
          this.mount,
          `${this.bundle}\\${held.name}`,
          withLease(leaseOf(leaseKey), {
            desiredAccess: READ_WRITE,
            createDisposition: CreateDisposition.OPEN,
            contexts: { durableReconnectV2: { fileId, createGuid, flags: 0 } },
          }),
        );
        held.fileId = again.fileId;
        counts.back++;
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        this.held.delete(held.name);
        counts.gone++;
      }
    }
    return counts;
  }

  /**
   * Reads the whole backup over a connection of its own and compares every byte. Returns what is wrong, and how
   * many blocks were compared.
   */
  async restore(): Promise<{ faults: string[]; blocks: number }> {
    const { share, user = TESTER } = this.options;
    const mount = await mountShare(this.place, user, share);
    const faults: string[] = [];
    let blocks = 0;
    const { fileId: plist } = await openFile(mount, `${this.bundle}\\Info.plist`);
    if (Buffer.from(await readFile(mount, plist, 0, 65_536)).toString() !== this.propertyList)
      faults.push("Info.plist");
    const { fileId: directory } = await openFile(mount, `${this.bundle}\\bands`, { desiredAccess: 0x81 });
    const names = (await listDirectory(mount, directory)).map(({ name }) => name);
    for (const name of names) if (!/^(?:\.{1,2}|[0-9a-f]+)$/.test(name)) faults.push(`a band named ${name}`);
    for (const [band, known] of this.blocks) {
      const isThere = names.includes(band.toString(16));
      if (!isThere && [...known.values()].some(({ flushed }) => flushed > 0)) faults.push(`no band ${band}`);
      if (!isThere) continue;
      const { fileId } = await openFile(mount, `${this.bundle}\\${bandName(band)}`);
      for (const [index, block] of known) {
        const found = await readFile(mount, fileId, index * BLOCK_BYTES, BLOCK_BYTES);
        if (!isAllowed(found, block)) faults.push(`band ${band} block ${index}`);
        blocks++;
      }
      await closeFile(mount, fileId);
    }
    mount.client.close();
    return { faults, blocks };
  }
}

/** What was written and not flushed may be there in part, on a disk that was full or a server that was killed. */
function isAllowed(found: Uint8Array, { flushed, later }: Block): boolean {
  const last = flushed === 0 ? new Uint8Array(BLOCK_BYTES) : contentOf(flushed);
  if (Buffer.compare(found, last) === 0) return true;
  const contents = [last, ...later.map(({ seed }) => contentOf(seed))];
  return later.length > 0 && found.every((byte, i) => contents.some((content) => content[i] === byte));
}

function leaseOf(key: Uint8Array) {
  return { version: 2, key, state: RWH, flags: 0, parentKey: new Uint8Array(16), epoch: 0 } as const;
}

function bandName(band: number): string {
  return `bands\\${band.toString(16)}`;
}
