// The named pipes on IPC$, each open pipe with an RPC association of its own.
// [MS-SMB2] 3.3.5.9 (opening), 3.3.5.12 (read), 3.3.5.13 (write).
import type { Identity, MaybePromise } from "../../port/port.ts";
import type { PipeServices } from "../../port/pipes.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { Association, type PipeRead } from "./association.ts";
import type { RpcContext } from "./interface.ts";
import { findPipe } from "./interfaces.ts";

/** Limits of open pipes: in the whole server, of one user, and of guests and anonymous users together. */
export const MAX_PIPES = 512;
export const MAX_PIPES_PER_USER = 256;
export const MAX_GUEST_PIPES = 128;
/** Memory of calls and replies in all pipes. One user's pipes hold at most as much as is still free. */
export const MAX_HELD_BYTES = 8 * 1024 * 1024;

export interface Pipes {
  /**
   * STATUS_OBJECT_NAME_NOT_FOUND for an unknown pipe, STATUS_INSUFFICIENT_RESOURCES above a limit. The name
   * is compared without case and has no leading backslash or `PIPE\\` over SMB2.
   */
  open(name: string, identity: Identity, services: PipeServices): { pipe: number } | { status: NtStatus };
  /** The buffer may be reused after the answer. STATUS_INVALID_HANDLE for an unknown pipe. */
  write(pipe: number, data: Uint8Array): MaybePromise<{ status: NtStatus }>;
  read(pipe: number, length: number): MaybePromise<PipeRead>;
  close(pipe: number): void;
  /** Number of open pipes. */
  readonly size: number;
}

interface OpenPipe {
  readonly association: Association;
  readonly owner: string;
  /** What the pipe held when it was counted last. */
  counted: number;
}

/** Creates the pipes of one server. */
export function openPipes(context: RpcContext): Pipes {
  const open = new Map<number, OpenPipe>();
  const held = new HeldBytes();
  /** Counts what the pipe holds after a change. */
  const count = (pipe: OpenPipe, bytes: number): void => {
    held.add(pipe.owner, bytes - pipe.counted);
    pipe.counted = bytes;
  };
  /** Passes the result on and counts, unless the pipe was closed meanwhile. */
  const counting = <T>(id: number, pipe: OpenPipe, result: MaybePromise<T>): MaybePromise<T> => {
    count(pipe, pipe.association.heldBytes);
    if (!(result instanceof Promise)) return result;
    return result.finally(() => {
      if (open.get(id) === pipe) count(pipe, pipe.association.heldBytes);
    });
  };
  let lastPipe = 0;
  const nextPipe = (): number => {
    do {
      lastPipe = lastPipe >= 0xffff_fffe ? 1 : lastPipe + 1;
    } while (open.has(lastPipe));
    return lastPipe;
  };
  return {
    open(name, identity, services) {
      const found = findPipe(name);
      if (found === undefined) return { status: Status.OBJECT_NAME_NOT_FOUND };
      const owner = ownerOf(identity);
      let own = 0;
      for (const other of open.values()) if (other.owner === owner) own++;
      const ownLimit = owner === "" ? MAX_GUEST_PIPES : MAX_PIPES_PER_USER;
      if (open.size >= MAX_PIPES || own >= ownLimit) return { status: Status.INSUFFICIENT_RESOURCES };
      const pipe = nextPipe();
      const address = `\\pipe\\${found}`;
      const association = new Association({ context, identity, services, address, group: pipe });
      open.set(pipe, { association, owner, counted: 0 });
      return { pipe };
    },
    write(id, data) {
      const pipe = open.get(id);
      if (!pipe) return { status: Status.INVALID_HANDLE };
      if (!held.mayGrow(pipe.owner)) return { status: Status.PIPE_BUSY };
      const status = counting(id, pipe, pipe.association.write(data));
      return status instanceof Promise ? status.then((value) => ({ status: value })) : { status };
    },
    read(id, length) {
      const pipe = open.get(id);
      if (!pipe) return { status: Status.INVALID_HANDLE, data: new Uint8Array(0), more: false };
      return counting(id, pipe, pipe.association.read(length));
    },
    close(id) {
      const pipe = open.get(id);
      if (pipe) count(pipe, 0);
      open.delete(id);
    },
    get size() {
      return open.size;
    },
  };
}

/** Memory that the pipes of each owner hold. */
class HeldBytes {
  private total = 0;
  private readonly byOwner = new Map<string, number>();

  mayGrow(owner: string): boolean {
    return (this.byOwner.get(owner) ?? 0) <= MAX_HELD_BYTES - this.total;
  }

  add(owner: string, bytes: number): void {
    this.total += bytes;
    const own = (this.byOwner.get(owner) ?? 0) + bytes;
    if (own > 0) this.byOwner.set(owner, own);
    else this.byOwner.delete(owner);
  }
}

/** Empty for all guests and anonymous users. */
function ownerOf(identity: Identity): string {
  return identity.isGuest || identity.isAnonymous ? "" : identity.user;
}
