// load.c for TypeScript: compiles it, connects and logs on through it, and hands it prepared requests.
import { dlopen, ptr } from "bun:ffi";
import { join } from "node:path";
import type { FrameSocket, Place } from "../e2e/client/raw-socket.ts";

const SYMBOLS = {
  load_connect: { args: ["ptr", "i32"], returns: "i32" },
  load_send: { args: ["i32", "ptr", "i32"], returns: "i32" },
  load_receive: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  load_close: { args: ["i32"], returns: "void" },
  load_run: {
    args: ["ptr", "ptr", "ptr", "ptr", "u32", "u32", "u32", "f64", "ptr", "ptr", "u32"],
    returns: "i32",
  },
} as const;

/** Compiles a C program, or a shared library of a name in `.so`, of this folder. Throws with gcc's messages. */
export function compile(source: string, target: string): void {
  const kind = target.endsWith(".so") ? ["-shared", "-fPIC"] : [];
  const { success, stderr } = Bun.spawnSync([
    "gcc",
    "-O2",
    ...kind,
    "-o",
    target,
    join(import.meta.dir, source),
  ]);
  if (!success) throw new Error(`gcc ${source}: ${stderr}`);
}

export type Library = ReturnType<typeof openLibrary>;

export function openLibrary(path: string) {
  return dlopen(path, SYMBOLS).symbols;
}

const LARGEST_REPLY = 1 << 24;
const POLL_MS = 5;

/** A connection of load.c, which RawClient uses until `hold`: frames are received by polling. */
export class LoadSocket implements FrameSocket {
  onFrame: (frame: Uint8Array) => void = () => undefined;
  readonly closed: Promise<void>;
  isClosed = false;
  readonly fd: number;
  private readonly library: Library;
  private isHeld = false;
  private readonly room = new Uint8Array(LARGEST_REPLY);
  private resolveClosed: () => void = () => undefined;

  constructor(library: Library, place: Place) {
    this.library = library;
    this.fd = library.load_connect(ptr(Buffer.from(`${place.host}\0`)), place.port);
    if (this.fd < 0) throw new Error(`connect: errno ${-this.fd}`);
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    this.pump();
  }

  sendFrame(message: Uint8Array): void {
    const frame = new Uint8Array(4 + message.length);
    new DataView(frame.buffer).setUint32(0, message.length);
    frame.set(message, 4);
    this.library.load_send(this.fd, ptr(frame), frame.length);
  }

  /** Receives no more: load_run has the connection. */
  hold(): void {
    this.isHeld = true;
  }

  destroy(): void {
    if (!this.isClosed) this.library.load_close(this.fd);
    this.isClosed = true;
    this.resolveClosed();
  }

  private pump(): void {
    if (this.isHeld || this.isClosed) return;
    const length = this.library.load_receive(this.fd, ptr(this.room), this.room.length, POLL_MS);
    if (length < 0) this.destroy();
    if (length > 0) this.onFrame(this.room.slice(0, length));
    setImmediate(() => this.pump());
  }
}

/** Flags of a step; see load.c. */
export const StepFlag = {
  FIRST: 1,
  PATCH_IDS: 2,
  TAKES_FILE: 4,
  PUTS_FILE: 8,
  REPEATS: 16,
  BEGINS: 32,
} as const;

const STEP_SIZE = 40;
const CHUNK = 16 * 1024 * 1024;

export interface StepOptions {
  /** Data that follows the frame's own bytes; one array may follow many frames. */
  readonly tail?: Uint8Array;
  /** Length of the shortest successful reply. */
  readonly least?: number;
  readonly flags: number;
  readonly fileAt?: number;
}

/** The requests of one connection in memory that load.c reads. */
export class StepList {
  count = 0;
  private records = new Uint8Array(STEP_SIZE * 1024);
  private chunk = new Uint8Array(0);
  private used = 0;
  /** load.c has addresses of these. */
  private readonly kept = new Set<Uint8Array>();

  /** Adds a step of `length` bytes, which the caller writes. */
  add(length: number, options: StepOptions): Uint8Array {
    if (this.used + length > this.chunk.length) {
      this.chunk = new Uint8Array(Math.max(CHUNK, length));
      this.used = 0;
      this.kept.add(this.chunk);
    }
    const frame = this.chunk.subarray(this.used, this.used + length);
    this.used += length;
    const { tail } = options;
    if (tail !== undefined) this.kept.add(tail);
    const at = this.count++ * STEP_SIZE;
    if (at + STEP_SIZE > this.records.length) {
      const larger = new Uint8Array(this.records.length * 2);
      larger.set(this.records);
      this.records = larger;
    }
    const view = new DataView(this.records.buffer);
    view.setBigUint64(at, BigInt(ptr(frame)), true);
    view.setBigUint64(at + 8, tail === undefined ? 0n : BigInt(ptr(tail)), true);
    view.setUint32(at + 16, length, true);
    view.setUint32(at + 20, tail?.length ?? 0, true);
    view.setUint32(at + 24, options.least ?? 0, true);
    view.setUint32(at + 28, options.flags, true);
    view.setUint32(at + 32, options.fileAt ?? 0, true);
    return frame;
  }

  get address(): number {
    return ptr(this.records);
  }
}

export interface LoadConnection {
  readonly fd: number;
  readonly steps: StepList;
  readonly nextMessageId: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly requests: number;
  readonly chains: number;
  /** Of each request, in milliseconds, sorted. */
  readonly latencies: Float64Array;
}

const MOST_LATENCIES = 4_000_000;

/** Sends the steps of all connections; blocks. Throws when a request fails. */
export function runLoad(
  library: Library,
  connections: readonly LoadConnection[],
  options: { readonly depth: number; readonly isSealed: boolean; readonly seconds: number },
): LoadResult {
  const fds = Int32Array.from(connections, ({ fd }) => fd);
  const steps = BigUint64Array.from(connections, (each) => BigInt(each.steps.address));
  const counts = Uint32Array.from(connections, (each) => each.steps.count);
  const ids = BigUint64Array.from(connections, (each) => BigInt(each.nextMessageId));
  const result = new BigUint64Array(6);
  const latencies = new Uint32Array(MOST_LATENCIES);
  const { depth, isSealed, seconds } = options;
  const parts = [ptr(fds), ptr(steps), ptr(counts), ptr(ids)] as const;
  const [sealed, places] = [isSealed ? 1 : 0, [ptr(result), ptr(latencies)] as const];
  const status = library.load_run(...parts, fds.length, depth, sealed, seconds, ...places, MOST_LATENCIES);
  const [ns = 0n, requests = 0n, chains = 0n, , failed = 0n, measured = 0n] = result;
  if (status !== 0) throw new Error(`request ${requests} failed: status 0x${failed.toString(16)}`);
  return {
    seconds: Number(ns) / 1e9,
    requests: Number(requests),
    chains: Number(chains),
    latencies: Float64Array.from(latencies.subarray(0, Number(measured)).sort(), (each) => each / 1e4),
  };
}
