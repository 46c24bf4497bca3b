// Every acknowledgement of an oplock or lease break: level held × state × level named; [MS-SMB2] 3.3.5.22.1
// (oplocks), 3.3.5.22.2 (leases).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, OplockLevel } from "../../../src/wire/command/create.ts";
import { decodeOplockBreakResponse } from "../../../src/wire/command/oplock-break.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV1,
  leaseV2,
  mountLeasing,
  nextLeaseBreak,
  nextOplockBreak,
  openLeased,
  oplockAck,
  R,
  READ_WRITE_DATA,
  RH,
  RW,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import type { Pending } from "../client/raw-calls.ts";
import { closeFile, type Mount, openFile, writeFile } from "../client/raw-files.ts";

interface Pair {
  readonly server: TestServer;
  readonly holder: Mount;
  readonly other: Mount;
}

let patient: Pair;
/** With a server that waits one second for an acknowledgement. */
let impatient: Pair;
beforeAll(async () => {
  patient = await startPair("30");
  impatient = await startPair("1");
});
afterAll(async () => {
  for (const { server, holder, other } of [patient, impatient]) {
    holder.client.close();
    other.client.close();
    await server.stop();
  }
});

async function startPair(seconds: string): Promise<Pair> {
  const server = await startSubject({ parameters: { "oplock break timeout": seconds } });
  return { server, holder: await mountLeasing(server), other: await mountLeasing(server) };
}

const { NONE, II, EXCLUSIVE, BATCH, LEASE } = OplockLevel;
const { SUCCESS, INVALID_DEVICE_STATE, INVALID_OPLOCK_PROTOCOL, INVALID_PARAMETER } = Status;
const UNKNOWN = 0x77;
const LEVELS = { NONE, II, EXCLUSIVE, BATCH, LEASE, UNKNOWN } as const;

/** How the oplock of the open came into its state. */
type OplockState =
  "held" | "breaking to II" | "breaking to none" | "broken from II to none" | "timed out" | "acknowledged";

let files = 0;

/** Opens a new file with an oplock and brings it into the state. */
async function oplockIn({ holder, other }: Pair, level: number, state: OplockState): Promise<FileId> {
  const name = `oplock ${++files}`;
  const { OPEN_IF, OVERWRITE } = CreateDisposition;
  const options = { desiredAccess: READ_WRITE_DATA, createDisposition: OPEN_IF };
  const opened = await openFile(holder, name, { ...options, oplockLevel: level });
  expect(opened.oplockLevel).toBe(level);
  let pending: Pending | undefined;
  if (state === "broken from II to none") {
    const writer = await openFile(other, name, options);
    await writeFile(other, writer.fileId, 0, new Uint8Array(1));
    expect(await nextOplockBreak(holder)).toEqual({ level: NONE, fileId: opened.fileId });
  } else if (state !== "held") {
    const createDisposition = state === "breaking to none" ? OVERWRITE : OPEN_IF;
    pending = startOpen(other, name, { createDisposition });
    const to = state === "breaking to none" ? NONE : II;
    expect(await nextOplockBreak(holder)).toEqual({ level: to, fileId: opened.fileId });
  }
  if (state === "acknowledged")
    expect(await holder.client.outcome(oplockAck(holder, opened.fileId, NONE))).toBe(SUCCESS);
  if (state === "timed out" || state === "acknowledged") await pending?.reply;
  return opened.fileId;
}

/** [level held, state, level named, status, level in the response] */
type OplockCase = readonly [string, OplockState, string, number, number?];

const PROTOCOL = INVALID_OPLOCK_PROTOCOL;
const OPLOCK_CASES: readonly OplockCase[] = [
  // Not breaking: a level that the holder of such an oplock may never name, else the state is wrong. Microsoft's
  // own model of the clause (WPTS, OplockModel) has these statuses; its newest text says INVALID_DEVICE_STATE.
  ...(["EXCLUSIVE", "BATCH"] as const).flatMap((held): OplockCase[] => [
    [held, "held", "NONE", INVALID_DEVICE_STATE],
    [held, "held", "II", INVALID_DEVICE_STATE],
    [held, "held", "EXCLUSIVE", PROTOCOL],
    [held, "held", "BATCH", PROTOCOL],
    [held, "held", "UNKNOWN", PROTOCOL],
    [held, "held", "LEASE", INVALID_PARAMETER],
    [held, "breaking to II", "NONE", SUCCESS, NONE],
    [held, "breaking to II", "II", SUCCESS, II],
    [held, "breaking to II", "EXCLUSIVE", PROTOCOL],
    [held, "breaking to II", "BATCH", PROTOCOL],
    [held, "breaking to II", "UNKNOWN", PROTOCOL],
    [held, "breaking to II", "LEASE", INVALID_PARAMETER],
    [held, "breaking to none", "NONE", SUCCESS, NONE],
    [held, "breaking to none", "II", SUCCESS, NONE],
    [held, "breaking to none", "EXCLUSIVE", PROTOCOL],
    [held, "breaking to none", "BATCH", PROTOCOL],
    [held, "breaking to none", "UNKNOWN", PROTOCOL],
    [held, "breaking to none", "LEASE", INVALID_PARAMETER],
    [held, "acknowledged", "NONE", INVALID_DEVICE_STATE],
    [held, "acknowledged", "II", INVALID_DEVICE_STATE],
    [held, "acknowledged", "LEASE", INVALID_PARAMETER],
  ]),
  ["BATCH", "timed out", "NONE", INVALID_DEVICE_STATE],
  ["BATCH", "timed out", "II", INVALID_DEVICE_STATE],
  ["II", "held", "NONE", INVALID_DEVICE_STATE],
  ["II", "held", "II", PROTOCOL],
  ["II", "held", "EXCLUSIVE", PROTOCOL],
  ["II", "held", "BATCH", PROTOCOL],
  ["II", "held", "UNKNOWN", PROTOCOL],
  ["II", "held", "LEASE", INVALID_PARAMETER],
  // A break from II wants no acknowledgement, and the object store refuses one ([MS-FSA] 2.1.5.19;
  // smb2.oplock.levelii500).
  ["II", "broken from II to none", "NONE", PROTOCOL],
  ["II", "broken from II to none", "II", PROTOCOL],
  ["II", "broken from II to none", "EXCLUSIVE", PROTOCOL],
  ["II", "broken from II to none", "BATCH", PROTOCOL],
  ["II", "broken from II to none", "UNKNOWN", PROTOCOL],
  ["II", "broken from II to none", "LEASE", INVALID_PARAMETER],
  ["NONE", "held", "NONE", INVALID_DEVICE_STATE],
  ["NONE", "held", "II", INVALID_DEVICE_STATE],
  ["NONE", "held", "EXCLUSIVE", INVALID_DEVICE_STATE],
  ["NONE", "held", "BATCH", INVALID_DEVICE_STATE],
  ["NONE", "held", "LEASE", INVALID_PARAMETER],
];

function levelOf(name: string): number {
  return LEVELS[name as keyof typeof LEVELS];
}

describe("3.3.5.22.1: oplocks", () => {
  test.each(OPLOCK_CASES.map((row) => [...row, ""] as const))(
    "%s, %s, acknowledged with %s",
    async (held, state, named, status, granted) => {
      const pair = state === "timed out" ? impatient : patient;
      const { holder } = pair;
      const fileId = await oplockIn(pair, levelOf(held as string), state as OplockState);
      const reply = await holder.client.request(oplockAck(holder, fileId, levelOf(named as string)));
      expect(statusName(reply.status)).toBe(statusName(status as number));
      if (status === SUCCESS) {
        const response = decodeOplockBreakResponse(reply.message);
        expect(response).toMatchObject({ kind: "oplock", oplockLevel: granted as number, fileId });
      }
      // Whatever was answered, a break is over after it, and a second acknowledgement finds none.
      if (state !== "held") {
        const again = oplockAck(holder, fileId, NONE);
        expect(statusName((await holder.client.request(again)).status)).toBe("STATUS_INVALID_DEVICE_STATE");
      }
      await closeFile(holder, fileId);
      expect(await isQuiet(holder)).toBe(true);
    },
  );
});

const { OBJECT_NAME_NOT_FOUND, REQUEST_NOT_ACCEPTED, UNSUCCESSFUL } = Status;

/** [lease held, to what it is being broken; undefined: it is held, or was broken without acknowledgement] */
const LEASES: readonly (readonly [string, number, number | undefined])[] = [
  ["RWH held", RWH, undefined],
  ["RH held", RH, undefined],
  ["R held", R, undefined],
  ["none held", 0, undefined],
  ["R broken to none", R, 0],
  ["RWH breaking to RH", RWH, RH],
  ["RW breaking to R", RW, R],
  ["RWH breaking to none", RWH, 0],
  ["RH breaking to none", RH, 0],
];

function expectedOf(title: string, to: number | undefined, named: number): number {
  if (to === undefined || title === "R broken to none") return UNSUCCESSFUL;
  return (named & ~to) === 0 ? SUCCESS : REQUEST_NOT_ACCEPTED;
}

describe.each([1, 2])("3.3.5.22.2: leases of version %d", (version) => {
  const lease = version === 1 ? leaseV1 : leaseV2;

  test.each(LEASES)("%s: every state named", async (title, held, to) => {
    const { holder, other } = patient;
    for (let named = 0; named <= 8; named++) {
      const name = `lease ${++files}`;
      const { fileId } = await openLeased(holder, name, lease(1, held));
      let pending: Pending | undefined;
      if (title === "R broken to none") {
        const writer = await openFile(other, name, { desiredAccess: READ_WRITE_DATA });
        await writeFile(other, writer.fileId, 0, new Uint8Array(1));
        expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: 0, flags: 0 });
      } else if (to !== undefined) {
        const { OPEN_IF, OVERWRITE } = CreateDisposition;
        pending = startOpen(other, name, { createDisposition: to === 0 ? OVERWRITE : OPEN_IF });
        expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: to, flags: 1 });
      }
      const reply = await holder.client.request(leaseAck(holder, key(1), named));
      const expected = expectedOf(title, to, named);
      expect(`${named}: ${statusName(reply.status)}`).toBe(`${named}: ${statusName(expected)}`);
      // H without R is no lease state: nothing is left of the lease.
      const left = (named & R) === 0 ? 0 : named;
      if (expected === SUCCESS) {
        const response = decodeOplockBreakResponse(reply.message);
        expect(response).toMatchObject({ kind: "lease", leaseKey: key(1), leaseState: left, flags: 0 });
        expect(await holder.client.outcome(leaseAck(holder, key(1), 0))).toBe(UNSUCCESSFUL);
      }
      // An acknowledgement that was refused leaves the break in progress.
      if (expected === REQUEST_NOT_ACCEPTED)
        expect(await holder.client.outcome(leaseAck(holder, key(1), to ?? 0))).toBe(SUCCESS);
      await pending?.reply;
      await closeFile(holder, fileId);
      expect(await holder.client.outcome(leaseAck(holder, key(1), 0))).toBe(OBJECT_NAME_NOT_FOUND);
      expect(await isQuiet(holder)).toBe(true);
    }
  });

  test("a key that the client holds no lease with is not found", async () => {
    const { holder } = patient;
    expect(await holder.client.outcome(leaseAck(holder, key(99), 0))).toBe(OBJECT_NAME_NOT_FOUND);
  });
});
