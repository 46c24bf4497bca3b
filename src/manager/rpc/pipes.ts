// The named pipes on IPC$, each open pipe with an RPC association of its own.
// [MS-SMB2] 3.3.5.9 (opening), 3.3.5.12 (read), 3.3.5.13 (write).
import type { Identity } from "../../port/port.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { Association, type PipeRead } from "./association.ts";
import type { RpcContext, RpcInterface } from "./interface.ts";
import { SRVSVC } from "./srvsvc.ts";
import { WKSSVC } from "./wkssvc.ts";

/** Limits of open pipes: in the whole server, of one user, and of guests and anonymous users together. */
export const MAX_PIPES = 512;
export const MAX_PIPES_PER_USER = 256;
export const MAX_GUEST_PIPES = 128;
/** Memory of calls and replies in all pipes. One user's pipes hold at most as much as is still free. */
export const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** By the pipe's name. */
const INTERFACES: Readonly<Record<string, RpcInterface>> = {
  srvsvc: SRVSVC,
  wkssvc: WKSSVC,
};

export interface Pipes {
  /**
   * STATUS_OBJECT_NAME_NOT_FOUND for an unknown pipe, STATUS_INSUFFICIENT_RESOURCES above a limit. The name
   * is compared without case and has no leading backslash or `PIPE\\` over SMB2.
   */
  open(name: string, identity: Identity): { pipe: number } | { status: NtStatus };
  /** The buffer may be reused after the call. STATUS_INVALID_HANDLE for an unknown pipe. */
  write(pipe: number, data: Uint8Array): { status: NtStatus };
  read(pipe: number, length: number): PipeRead;
  close(pipe: number): void;
  /** Number of open pipes. */
  readonly size: number;
}

/** Creates the pipes of one server. */
export function openPipes(context: RpcContext): Pipes {
  const associations = new Map<number, Association>();
  const owners = new Map<number, string>();
  const interfaces = Object.values(INTERFACES);
  const held = new HeldBytes();
  /** Runs `use`, which changes what the pipe holds. */
  const counted = <T>(pipe: number, association: Association, use: () => T): T => {
    const before = association.heldBytes;
    const result = use();
    held.add(owners.get(pipe) ?? "", association.heldBytes - before);
    return result;
  };
  let lastPipe = 0;
  const nextPipe = (): number => {
    do {
      lastPipe = lastPipe >= 0xffff_fffe ? 1 : lastPipe + 1;
    } while (associations.has(lastPipe));
    return lastPipe;
  };
  return {
    open(name, identity) {
      const service = name.toLowerCase();
      if (!Object.hasOwn(INTERFACES, service)) return { status: Status.OBJECT_NAME_NOT_FOUND };
      const owner = ownerOf(identity);
      let own = 0;
      for (const other of owners.values()) if (other === owner) own++;
      const ownLimit = owner === "" ? MAX_GUEST_PIPES : MAX_PIPES_PER_USER;
      if (associations.size >= MAX_PIPES || own >= ownLimit) return { status: Status.INSUFFICIENT_RESOURCES };
      const pipe = nextPipe();
      owners.set(pipe, owner);
      // Any interface may be bound over any pipe, as in Windows, where one process serves all.
      associations.set(pipe, new Association(interfaces, context, identity, `\\pipe\\${service}`, pipe));
      return { pipe };
    },
    write(pipe, data) {
      const association = associations.get(pipe);
      if (!association) return { status: Status.INVALID_HANDLE };
      if (!held.mayGrow(owners.get(pipe) ?? "")) return { status: Status.PIPE_BUSY };
      return { status: counted(pipe, association, () => association.write(data)) };
    },
    read(pipe, length) {
      const association = associations.get(pipe);
      if (!association) return { status: Status.INVALID_HANDLE, data: new Uint8Array(0), more: false };
      return counted(pipe, association, () => association.read(length));
    },
    close(pipe) {
      held.add(owners.get(pipe) ?? "", -(associations.get(pipe)?.heldBytes ?? 0));
      associations.delete(pipe);
      owners.delete(pipe);
    },
    get size() {
      return associations.size;
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
