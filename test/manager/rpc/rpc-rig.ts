// Test rig: pipes over the shares of the captured smbd, and PDUs of clients that may be malicious.
import type { PipeRead } from "../../../src/manager/rpc/association.ts";
import type { RpcAccounts, RpcContext, RpcUser } from "../../../src/manager/rpc/interface.ts";
import { findInterface, INTERFACE_NAMES } from "../../../src/manager/rpc/interfaces.ts";
import { openPipes, type Pipes } from "../../../src/manager/rpc/pipes.ts";
import type { Identity, MaybePromise } from "../../../src/port/port.ts";
import type { PipeServices } from "../../../src/port/pipes.ts";
import { Status } from "../../../src/wire/status.ts";
import samba from "../../vectors/rpc-samba.json";

export const ANN: Identity = {
  user: "ann",
  domain: "",
  isGuest: false,
  isAnonymous: false,
  accountVersion: 0,
  remoteAddress: "192.0.2.1",
};
export const NOBODY: Identity = { ...ANN, user: "nobody", isGuest: true };

export const MACHINE_SID = "S-1-5-21-1-22-333";

const PEOPLE: readonly RpcUser[] = [
  { name: "ann", rid: 3000, uid: 1000, isAdministrator: false },
  { name: "carl", rid: 3002, uid: 1001, isAdministrator: true },
  { name: "bea", rid: 0x4000_0001, uid: undefined, isAdministrator: false },
];

/** The machine's accounts: ann is uid 1000 here, bea has no account, carl administrates. */
export const ACCOUNTS: RpcAccounts = {
  serverName: samba.serverName,
  workgroup: samba.workgroup,
  machineSid: MACHINE_SID,
  guestName: "nobody",
  users: () => PEOPLE,
  userOfRid: (rid) => PEOPLE.find((each) => each.rid === rid),
  usersNamed: (name) => PEOPLE.filter((each) => each.name === name.toLowerCase()),
  unixUser: (uid) => ["ann", "carl"][uid - 1000],
  unixGroup: (gid) => (gid === 100 ? "users" : undefined),
  uidOf: (name) => ({ ann: 1000, carl: 1001 })[name],
  gidOf: (name) => (name === "users" ? 100 : undefined),
};

const SHARES = samba.shares.map((share) => ({ ...share, isDfsRoot: false })) as ReturnType<
  RpcContext["shares"]
>;

const NO_LOGONS: PipeServices = {
  startLogon: () => ({ step: () => ({ kind: "refused" }) }),
  beginProof: () => undefined,
};

// Afterwards binds are answered at once.
for (const uuid of INTERFACE_NAMES) await findInterface(uuid);

/** Pipes whose answers are no promises: no call here waits for anything. */
export interface DirectPipes {
  readonly size: number;
  open(name: string, identity: Identity): ReturnType<Pipes["open"]>;
  write(pipe: number, data: Uint8Array): { status: number };
  read(pipe: number, length: number): PipeRead;
  close(pipe: number): void;
}

export function createPipes(changes: Partial<RpcContext> = {}, services = NO_LOGONS): DirectPipes {
  const pipes = openPipes({
    serverName: samba.serverName,
    serverComment: samba.serverComment,
    workgroup: samba.workgroup,
    accounts: ACCOUNTS,
    passwords: { isAllowed: false, hashOf: () => undefined, change: async () => false },
    isCurrent: () => true,
    isAdministrator: (user) => user === "carl",
    engine: undefined,
    mayChangeShares: false,
    changeShare: async () => "elsewhere",
    shares: () => SHARES,
    now: () => ({ wallTimeMs: Date.UTC(2026, 10, 22, 18, 5, 54), minutesWest: 0, uptimeMs: 1_234 }),
    ...changes,
  });
  return {
    get size() {
      return pipes.size;
    },
    open: (name, identity) => pipes.open(name, identity, services),
    write: (pipe, data) => direct(pipes.write(pipe, data)),
    read: (pipe, length) => direct(pipes.read(pipe, length)),
    close: (pipe) => pipes.close(pipe),
  };
}

function direct<T>(answer: MaybePromise<T>): T {
  if (answer instanceof Promise) throw new Error("a call waited");
  return answer;
}

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** An open pipe; by default with `srvsvc` bound as context 0. */
export class PipeClient {
  readonly pipes: DirectPipes;
  readonly pipe: number;

  constructor(pipes = createPipes(), identity = ANN, name: "srvsvc" | "wkssvc" = "srvsvc", isBound = true) {
    this.pipes = pipes;
    const opened = pipes.open(name, identity);
    if (!("pipe" in opened)) throw new Error("not opened");
    this.pipe = opened.pipe;
    if (isBound) this.ask(hex(samba.binds[name].request));
  }

  write(data: Uint8Array): number {
    return this.pipes.write(this.pipe, data).status;
  }

  /** Reads the next whole fragment; undefined if there is none. */
  read(): Uint8Array | undefined {
    const { status, data, more } = this.pipes.read(this.pipe, 65_536);
    if (more) throw new Error("a fragment larger than 64 KiB");
    return status === Status.SUCCESS ? data : undefined;
  }

  /** Writes a PDU and reads one fragment. */
  ask(data: Uint8Array): Uint8Array {
    const status = this.write(data);
    if (status !== Status.SUCCESS) throw new Error(`write: ${status.toString(16)}`);
    const answer = this.read();
    if (!answer) throw new Error("no answer");
    return answer;
  }

  /** Sends a request and returns the stub of the reply, joined from its fragments. */
  call(request: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let fragment = this.ask(request); ;) {
      if (fragment[2] !== 2) throw new Error(`PDU of type ${fragment[2]}, status ${faultOf(fragment)}`);
      parts.push(fragment.subarray(24));
      if ((fragment[3] ?? 0) & 2) break;
      const next = this.read();
      if (!next) throw new Error("the last fragment is missing");
      fragment = next;
    }
    return Buffer.concat(parts);
  }
}

export interface PduFields {
  type?: number;
  flags?: number;
  callId?: number;
  /** Written instead of the true length. */
  length?: number;
  authLength?: number;
}

export function pdu(body: Uint8Array, fields: PduFields = {}): Uint8Array {
  const out = new Uint8Array(16 + body.length);
  const view = new DataView(out.buffer);
  out.set([5, 0, fields.type ?? 0, fields.flags ?? 3, 0x10]);
  view.setUint16(8, fields.length ?? out.length, true);
  view.setUint16(10, fields.authLength ?? 0, true);
  view.setUint32(12, fields.callId ?? 1, true);
  out.set(body, 16);
  return out;
}

/** A REQUEST, whole or a fragment, by the flags. */
export function request(
  opnum: number,
  stub: Uint8Array,
  fields: PduFields & { contextId?: number; allocHint?: number } = {},
): Uint8Array {
  const body = new Uint8Array(8 + stub.length);
  const view = new DataView(body.buffer);
  view.setUint32(0, fields.allocHint ?? stub.length, true);
  view.setUint16(4, fields.contextId ?? 0, true);
  view.setUint16(6, opnum, true);
  body.set(stub, 8);
  return pdu(body, fields);
}

/** Status of a FAULT, or undefined for any other PDU. */
export function faultOf(fragment: Uint8Array | undefined): number | undefined {
  if (!fragment || fragment[2] !== 3) return undefined;
  return new DataView(fragment.buffer, fragment.byteOffset).getUint32(24, true);
}

/** The stub of a captured call. */
export function stubOf(name: string): Uint8Array {
  const call = samba.calls.find((each) => each.name === name);
  if (!call) throw new Error(`no call ${name}`);
  return hex(call.request).subarray(24);
}
