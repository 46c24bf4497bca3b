// Rig of the tests of durable handles: a handle with the values that its client needs to reconnect it.
import { randomBytes } from "node:crypto";
import { expect } from "bun:test";
import {
  CreateDisposition,
  type CreateRequest,
  type CreateResponse,
  OplockLevel,
} from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { TESTER, type User } from "../../peer/test-server.ts";
import { leaseV2, leasingClient, READ_WRITE_DATA, RWH } from "./lease-rig.ts";
import { createCall, type Mount, mountShare, openFile } from "./raw-files.ts";
import type { Place, RawSocket } from "./raw-socket.ts";

/** A way to a durable handle: the version of the request context, and a batch oplock or a lease. */
export interface DurableKind {
  readonly version: 1 | 2;
  readonly by: "batch" | "lease";
}

export const DURABLE_KINDS: readonly DurableKind[] = [
  { version: 1, by: "batch" },
  { version: 1, by: "lease" },
  { version: 2, by: "batch" },
  { version: 2, by: "lease" },
];

export function bytes16(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

/** Connects to the share `test` as a client that asks for leases and durable handles. */
export function mountAs(
  at: Place,
  clientGuid: Uint8Array,
  user: User = TESTER,
  previousSessionId = 0,
): Promise<Mount<RawSocket>> {
  return mountShare(at, { ...user, previousSessionId }, "test", leasingClient(clientGuid));
}

/** A durable handle and the values a client needs to reconnect it. */
export class Durable {
  readonly kind: DurableKind;
  readonly name: string;
  readonly clientGuid = bytes16();
  readonly createGuid = bytes16();
  readonly leaseByte = randomBytes(1)[0] ?? 1;
  mount!: Mount<RawSocket>;
  fileId!: FileId;
  created!: CreateResponse;
  private readonly at: Place;

  constructor(kind: DurableKind, name: string, at: Place) {
    this.kind = kind;
    this.name = name;
    this.at = at;
  }

  request(timeoutMs = 0): Partial<CreateRequest> {
    const { createGuid } = this;
    const durable =
      this.kind.version === 2
        ? { durableRequestV2: { timeoutMs, flags: 0, createGuid } }
        : { durableRequest: true as const };
    return this.cached({
      desiredAccess: READ_WRITE_DATA,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: durable,
    });
  }

  cached(options: Partial<CreateRequest>): Partial<CreateRequest> {
    if (this.kind.by === "batch") return { ...options, oplockLevel: OplockLevel.BATCH };
    const contexts = { ...options.contexts, lease: leaseV2(this.leaseByte, RWH) };
    return { ...options, oplockLevel: OplockLevel.LEASE, contexts };
  }

  reconnect(change: { fileId?: FileId; createGuid?: Uint8Array } = {}): Partial<CreateRequest> {
    const fileId = change.fileId ?? this.fileId;
    const createGuid = change.createGuid ?? this.createGuid;
    return this.cached({
      desiredAccess: READ_WRITE_DATA,
      contexts:
        this.kind.version === 2
          ? { durableReconnectV2: { fileId, createGuid, flags: 0 } }
          : { durableReconnect: fileId },
    });
  }

  async open(timeoutMs = 0, options: Partial<CreateRequest> = {}): Promise<this> {
    this.mount = await mountAs(this.at, this.clientGuid);
    this.created = await openFile(this.mount, this.name, { ...this.request(timeoutMs), ...options });
    this.fileId = this.created.fileId;
    const { contexts } = this.created;
    if (this.kind.version === 2) expect(contexts.durableV2?.timeoutMs).toBeGreaterThan(0);
    else expect(contexts.durable).toBe(true);
    return this;
  }

  cut(): void {
    this.mount.client.close();
  }

  /** Connects again as the same client and replaces the old session; does not reconnect the handle yet. */
  async comeBack(): Promise<Mount> {
    const before = this.mount.session.id;
    this.mount = await mountAs(this.at, this.clientGuid, TESTER, before);
    return this.mount;
  }

  async resume(): Promise<CreateResponse> {
    const created = await openFile(await this.comeBack(), this.name, this.reconnect());
    this.fileId = created.fileId;
    return created;
  }
}

/** Sends a CREATE and returns its status. */
export function tryOpen(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest>,
): Promise<number | "closed"> {
  return mount.client.outcome(createCall(mount, name, options));
}
