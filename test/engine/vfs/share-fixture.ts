// A share on a temporary directory, for the tests of the store.
import { expect } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acquireVolume, releaseVolume } from "../../../src/engine/vfs/volume/mounted-volume.ts";
import { openStore } from "../../../src/engine/vfs/local/local-store.ts";
import {
  type FileHandle,
  type FileNode,
  type FileStat,
  type FileStore,
  type Found,
  SKIPPED,
} from "../../../src/engine/vfs/store.ts";
import type { ShareGrant } from "../../../src/port/port.ts";

const APPLE: ShareGrant["apple"] = {
  validatesAfpInfo: true,
  metadata: "auto",
  resource: "auto",
  hidesAppleDouble: true,
  wipesPlaceholder: false,
  listsResourceSize: true,
  listsFinderInfo: true,
  listsAccess: true,
};

export function grantFor(path: string, change: Partial<ShareGrant> = {}): ShareGrant {
  return {
    name: "share",
    type: "disk",
    directory: null,
    path,
    mountId: 0,
    readOnly: false,
    encryption: "off",
    signing: "auto",
    credentials: null,
    createMask: 0o744,
    directoryMask: 0o755,
    forceCreateMode: 0,
    forceDirectoryMode: 0,
    inheritOwner: false,
    security: {
      acl: "posix",
      ignoreSystemAcls: false,
      canChange: true,
      writersMayChange: false,
      inheritOwnerName: false,
      inheritPermissions: false,
      inheritAcls: false,
    },
    namedUsers: null,
    domainSids: [],
    asGuest: false,
    isAdmin: false,
    hideDotFiles: true,
    eaSupport: true,
    storeDosAttributes: true,
    modeMapping: { archive: "auto", hidden: false, system: false, readonly: true },
    streams: true,
    streamForm: "samba",
    apple: APPLE,
    followSymlinks: false,
    wideLinks: false,
    dfs: { isRoot: false, proxied: "", shuffles: false },
    posixExtensions: false,
    crossMounts: true,
    caseSensitive: false,
    vetoFiles: [],
    names: {
      characterMap: [],
      reserved: "auto",
      shortNames: "no",
      shortNamePrefix: 1,
      newCase: "keep",
      newShortCase: "keep",
    },
    hiding: { files: [], unreadable: false, unwriteable: false, special: false, deleteVetoed: false },
    recycle: null,
    snapshots: null,
    space: {
      maxDiskBytes: 0,
      cacheSeconds: 0,
      fakeAbilities: 0,
      timeMachineMaxBytes: 0,
      timeMachineMaxMachineBytes: 0,
    },
    posixLocking: false,
    oplocks: true,
    isTimeMachine: false,
    maxConnections: 0,
    ...change,
  };
}

/** Returns a result that must be neither a failure nor a promise; throws otherwise. */
export function succeeded<T>(answer: T | number): Exclude<T, number | Promise<unknown>> {
  if (typeof answer === "number" && answer < 0) throw new Error(`failed with ${answer}`);
  if (answer instanceof Promise) throw new Error("a promise where the answer was at hand");
  return answer as Exclude<T, number | Promise<unknown>>;
}

const readWrite = { read: true, write: true, writeThrough: false };

/** A store on a temporary directory, with helpers for common steps of tests. */
export class Fixture {
  /** The share's directory on disk. */
  readonly root: string;
  readonly store: FileStore;

  /** A share on a new directory, or on (a directory below) that of an existing fixture. */
  constructor(
    change: Partial<ShareGrant> = {},
    existing?: Fixture | { readonly root: string; readonly store: FileStore },
    ...below: string[]
  ) {
    this.root = join(existing?.root ?? mkdtempSync(join(tmpdir(), "minismbd-vfs-")), ...below);
    const isOpen = existing !== undefined && !(existing instanceof Fixture);
    this.store = isOpen ? existing.store : succeeded(openStore(grantFor(this.root, change)));
  }

  /** A share on a directory whose opening may have to wait for a disk. */
  static async on(root: string, change: Partial<ShareGrant> = {}): Promise<Fixture> {
    return new Fixture(change, { root, store: succeeded(await openStore(grantFor(root, change))) });
  }

  /** A path on disk below the share. */
  at(...names: string[]): string {
    return join(this.root, ...names);
  }

  /**
   * While the share is open, calls that may touch the disk are made on the event loop (`isLively`) or by the worker;
   * otherwise the other work of the machine's disk decides.
   */
  async setLively(isLively: boolean): Promise<void> {
    const root = await this.node();
    const volume = acquireVolume(root.stat.device);
    volume.isResponsive = () => isLively;
    volume.isHealthy = () => true;
    releaseVolume(volume);
    root.close();
  }

  async lookup(...components: string[]): Promise<Found | number> {
    return await this.store.lookup(components);
  }

  /** The object, which must exist. */
  async node(...components: string[]): Promise<FileNode> {
    const found = succeeded<Found>(await this.store.lookup(components));
    if (found.node === undefined) throw new Error(`${components.join("\\")} is not there`);
    return found.node;
  }

  /** The on-disk path of a client's path, a failure, or undefined where the last name is missing. */
  async resolve(...components: string[]): Promise<string | number | undefined> {
    const found = await this.store.lookup(components);
    if (typeof found === "number") return found;
    found.node?.close();
    return found.node === undefined ? undefined : found.path;
  }

  async create(components: string[], attributes = 0): Promise<{ node: FileNode; handle: FileHandle }> {
    const found = succeeded<Found>(await this.store.lookup(components));
    return succeeded(await this.store.createFile(found, readWrite, attributes));
  }

  /** Creates an empty file and closes it. */
  async touch(...components: string[]): Promise<FileStat> {
    const { node, handle } = await this.create(components);
    handle.close();
    node.close();
    return node.stat;
  }

  async makeDirectory(...components: string[]): Promise<FileStat> {
    const found = succeeded<Found>(await this.store.lookup(components));
    const node = succeeded<FileNode>(await this.store.createDirectory(found, 0));
    node.close();
    return node.stat;
  }

  async open(...components: string[]): Promise<FileHandle> {
    const node = await this.node(...components);
    const handle = succeeded<FileHandle>(await node.open(readWrite));
    node.close();
    return handle;
  }

  /** Names of a directory as clients see them, `.` and `..` included, sorted. */
  async list(...components: string[]): Promise<string[]> {
    const handle = await this.open(...components);
    const stream = handle.list();
    const names: string[] = [];
    for (;;) {
      const entry = await stream.next(() => true);
      if (entry === SKIPPED) continue;
      if (entry === undefined) break;
      if (typeof entry === "number") throw new Error(`listing failed with ${entry}`);
      names.push(entry.name);
    }
    stream.close();
    handle.close();
    return names.sort();
  }

  close(): void {
    this.store.close();
  }

  /** Closes the store and removes the directory. */
  dispose(): void {
    this.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The target of a descriptor of this process; "" when it was just closed. */
function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}

/**
 * Number of descriptors of files, folders and inotify that this process has open. The runtime opens and closes others
 * at any time: pipes, devices, event queues.
 */
export function descriptorCount(): number {
  return readdirSync("/proc/self/fd").filter((name) => /^\/(?!dev\/|proc\/)|inotify/.test(targetOf(name)))
    .length;
}

/**
 * Waits until no more than `count` descriptors are open: the runtime closes those of a finished child process
 * or thread a moment later, also those of an earlier test. Fails if they are still open after ten seconds: a busy machine
 * is slow to end threads.
 */
export async function expectDescriptors(count: number): Promise<void> {
  const until = performance.now() + 10_000;
  while (descriptorCount() > count && performance.now() < until) await Bun.sleep(1);
  expect(descriptorCount()).toBeLessThanOrEqual(count);
}

export { readWrite };
