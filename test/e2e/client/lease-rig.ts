// Rig of the oplock and lease tests: opens with oplocks and leases, receives breaks, acknowledges them.
import { randomBytes } from "node:crypto";
import { Access } from "../../../src/wire/security/access.ts";
import {
  CreateDisposition,
  type CreateRequest,
  type CreateResponse,
  decodeCreateResponse,
  OplockLevel,
} from "../../../src/wire/command/create.ts";
import { type LeaseContext, LeaseFlag, LeaseState } from "../../../src/wire/context/create-context.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";
import { Capability } from "../../../src/wire/command/negotiate.ts";
import {
  decodeOplockBreakNotification,
  encodeOplockBreakRequest,
  type LeaseBreakNotification,
} from "../../../src/wire/command/oplock-break.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call, Pending } from "./raw-calls.ts";
import { callOn, createCall, type Mount, mountShare, openFile } from "./raw-files.ts";

export const R: number = LeaseState.READ;
export const RH: number = LeaseState.READ | LeaseState.HANDLE;
export const RW: number = LeaseState.READ | LeaseState.WRITE;
export const RWH: number = RH | RW;

export const READ_WRITE_DATA: number = Access.READ_DATA | Access.WRITE_DATA | Access.READ_ATTRIBUTES;

/** The capabilities that a client with directory leases sends in NEGOTIATE. */
export const LEASING: number = Capability.LEASING | Capability.LARGE_MTU | Capability.DIRECTORY_LEASING;

/** How a client connects that asks for leases and durable opens; its GUID says later that it is the same one. */
export function leasingClient(clientGuid: Uint8Array = new Uint8Array(randomBytes(16))) {
  return { capabilities: LEASING | Capability.ENCRYPTION, clientGuid };
}

export function mountLeasing(
  server: TestServer,
  options: Parameters<typeof mountShare>[3] = {},
): Promise<Mount> {
  return mountShare(server, TESTER, "test", { capabilities: LEASING | Capability.ENCRYPTION, ...options });
}

/** A lease key of 16 equal bytes. */
export function key(byte: number): Uint8Array {
  return new Uint8Array(16).fill(byte);
}

/** A version 2 lease context; `parent` sets the parent lease key and its flag. */
export function leaseV2(byte: number, state: number, parent?: number, epoch = 0): LeaseContext {
  const flags = parent === undefined ? 0 : LeaseFlag.PARENT_LEASE_KEY_SET;
  return { version: 2, key: key(byte), state, flags, parentKey: key(parent ?? 0), epoch };
}

export function leaseV1(byte: number, state: number): LeaseContext {
  return { version: 1, key: key(byte), state, flags: 0, parentKey: key(0), epoch: 0 };
}

export function withLease(lease: LeaseContext, options: Partial<CreateRequest> = {}): Partial<CreateRequest> {
  return {
    oplockLevel: OplockLevel.LEASE,
    desiredAccess: READ_WRITE_DATA,
    createDisposition: CreateDisposition.OPEN_IF,
    ...options,
    contexts: { ...options.contexts, lease },
  };
}

/** Opens with a lease request; the response holds the granted lease state. Throws StatusError. */
export function openLeased(
  mount: Mount,
  name: string,
  lease: LeaseContext,
  options: Partial<CreateRequest> = {},
): Promise<CreateResponse> {
  return openFile(mount, name, withLease(lease, options));
}

/** Sends a CREATE that may wait for a break; see `finishOpen`. */
export function startOpen(mount: Mount, name: string, options: Partial<CreateRequest> = {}): Pending {
  const request = {
    desiredAccess: READ_WRITE_DATA,
    createDisposition: CreateDisposition.OPEN_IF,
    ...options,
  };
  return mount.client.start(createCall(mount, name, request));
}

export async function finishOpen(pending: Pending): Promise<CreateResponse> {
  return decodeCreateResponse((await pending.reply).message);
}

/** Returns the next lease break on the connection, or undefined when none arrives in time. */
export async function nextLeaseBreak(
  mount: Mount,
  timeoutMs = 2000,
): Promise<LeaseBreakNotification | undefined> {
  const reply = await mount.client.nextUnclaimed(timeoutMs);
  if (reply === undefined) return undefined;
  const notification = decodeOplockBreakNotification(reply.message);
  if (notification.kind !== "leaseNotification")
    throw new Error("expected a lease break, received an oplock break");
  return notification;
}

export async function nextOplockBreak(
  mount: Mount,
  timeoutMs = 2000,
): Promise<{ readonly level: number; readonly fileId: FileId } | undefined> {
  const reply = await mount.client.nextUnclaimed(timeoutMs);
  if (reply === undefined) return undefined;
  const notification = decodeOplockBreakNotification(reply.message);
  if (notification.kind !== "oplock") throw new Error("expected an oplock break, received a lease break");
  return { level: notification.oplockLevel, fileId: notification.fileId };
}

/** True when the server sent no break: it sends every pending break before it answers a later ECHO. */
export async function isQuiet(mount: Mount): Promise<boolean> {
  await mount.client.request({
    command: Command.ECHO,
    session: mount.session,
    body: (writer) => {
      writer.u16(4);
      writer.u16(0);
    },
  });
  return mount.client.unclaimed.length === 0;
}

export function leaseAck(mount: Mount, leaseKey: Uint8Array, leaseState: number): Call {
  return callOn(mount, Command.OPLOCK_BREAK, (writer) =>
    encodeOplockBreakRequest(writer, { kind: "lease", leaseKey, leaseState, flags: 0 }),
  );
}

export function oplockAck(mount: Mount, fileId: FileId, oplockLevel: number): Call {
  return callOn(mount, Command.OPLOCK_BREAK, (writer) =>
    encodeOplockBreakRequest(writer, { kind: "oplock", oplockLevel, fileId }),
  );
}
