// Durable handles whose client is gone, and what other clients do to the file meanwhile: a handle stays until
// its oplock or lease has to be broken. [MS-SMB2] 3.3.4.6, 3.3.4.7.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, type CreateRequest, OplockLevel } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { leaseV1, leaseV2, LEASING, R, READ_WRITE_DATA, RH, RWH } from "../client/lease-rig.ts";
import {
  closeFile,
  createCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameCall,
  writeFile,
} from "../client/raw-files.ts";

let server: TestServer;
let other: Mount;
beforeAll(async () => {
  server = await startSubject();
  other = await mountAs(bytes16());
});
afterAll(async () => {
  other?.client.close();
  await server?.stop();
});

function bytes16(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

function mountAs(clientGuid: Uint8Array, previousSessionId = 0): Promise<Mount> {
  return mountShare(server, { ...TESTER, previousSessionId }, "test", { capabilities: LEASING, clientGuid });
}

const BATCH = 0x100;
const { OPEN_IF } = CreateDisposition;

/** The ways to a durable handle: version of the request, and of the lease; 0 for a batch oplock. */
const KINDS = [
  { version: 1, lease: 0, title: "a batch oplock" },
  { version: 1, lease: 1, title: "a lease of version 1" },
  { version: 1, lease: 2, title: "a lease of version 2" },
  { version: 2, lease: 0, title: "a batch oplock" },
  { version: 2, lease: 2, title: "a lease of version 2" },
] as const;

let files = 0;

/** Opens a durable handle with a lease of `state`, loses the connection, lets `act` run, and reconnects. */
async function comeBackAfter(
  { version, lease }: (typeof KINDS)[number],
  state: number,
  act: (name: string) => Promise<void>,
): Promise<string> {
  const name = `durable ${++files}`;
  const [clientGuid, createGuid] = [bytes16(), bytes16()];
  const first = await mountAs(clientGuid);
  const cached: Partial<CreateRequest> =
    lease === 0
      ? { oplockLevel: OplockLevel.BATCH }
      : { oplockLevel: OplockLevel.LEASE, contexts: { lease: (lease === 1 ? leaseV1 : leaseV2)(7, state) } };
  const request = { desiredAccess: READ_WRITE_DATA | Access.DELETE, createDisposition: OPEN_IF, ...cached };
  const durable =
    version === 1
      ? { durableRequest: true as const }
      : { durableRequestV2: { timeoutMs: 0, flags: 0, createGuid } };
  const held = await openFile(first, name, { ...request, contexts: { ...cached.contexts, ...durable } });
  expect(version === 1 ? held.contexts.durable : held.contexts.durableV2).toBeTruthy();
  first.client.close();
  await act(name);
  const again = await mountAs(clientGuid, first.session.id);
  const { fileId } = held;
  const reconnect =
    version === 1 ? { durableReconnect: fileId } : { durableReconnectV2: { fileId, createGuid, flags: 0 } };
  const call = createCall(again, name, { ...request, contexts: { ...cached.contexts, ...reconnect } });
  const { status } = await again.client.request(call);
  again.client.close();
  return statusName(status);
}

/** Opens the file with a lease of its own and returns the state that is granted. */
async function granted(name: string, wanted: number): Promise<number> {
  const opened = await openFile(other, name, {
    desiredAccess: READ_WRITE_DATA,
    oplockLevel: OplockLevel.LEASE,
    contexts: { lease: leaseV2(9, wanted) },
  });
  await closeFile(other, opened.fileId);
  return opened.contexts.lease?.state ?? BATCH;
}

const KEPT = "STATUS_SUCCESS";
const CLOSED = "STATUS_OBJECT_NAME_NOT_FOUND";

describe.each(KINDS)("a durable handle of version $version with $title", (kind) => {
  test.each([RWH, RH, R])(
    "RWH is closed when another client opens with a lease of %d, and gives it all",
    async (wanted) => {
      expect(
        await comeBackAfter(kind, RWH, async (name) => {
          expect(await granted(name, wanted)).toBe(wanted);
        }),
      ).toBe(CLOSED);
    },
  );

  test("RWH stays while another client opens the file for attributes", async () => {
    const status = await comeBackAfter(kind, RWH, async (name) => {
      const looked = await openFile(other, name, { desiredAccess: Access.READ_ATTRIBUTES });
      await closeFile(other, looked.fileId);
    });
    expect(status).toBe(KEPT);
  });

  test("it stays while nobody opens the file", async () => {
    expect(await comeBackAfter(kind, RWH, async () => undefined)).toBe(KEPT);
  });

  // An oplock has no state RH.
  const testLease = kind.lease === 0 ? (): void => undefined : test;

  testLease("RH stays beside another client's RH, and leaves it no W", async () => {
    const status = await comeBackAfter(kind, RH, async (name) => {
      expect(await granted(name, RH)).toBe(RH);
      expect(await granted(name, RWH)).toBe(RH);
    });
    expect(status).toBe(KEPT);
  });

  testLease("RH is closed when another client writes", async () => {
    const status = await comeBackAfter(kind, RH, async (name) => {
      const { fileId } = await openFile(other, name, { desiredAccess: READ_WRITE_DATA });
      await writeFile(other, fileId, 0, new Uint8Array(1));
      await closeFile(other, fileId);
    });
    expect(status).toBe(CLOSED);
  });

  testLease("RH is closed when another client renames the file", async () => {
    const status = await comeBackAfter(kind, RH, async (name) => {
      const { fileId } = await openFile(other, name, { desiredAccess: READ_WRITE });
      const rename = renameCall(other, fileId, `${name} renamed`, false);
      expect(await other.client.outcome(rename)).toBe(Status.SUCCESS);
      await closeFile(other, fileId);
    });
    expect(status).toBe(CLOSED);
  });
});
