// Malformed security descriptors in SET_INFO and in CREATE's context SecD: wrong offsets, sizes and counts.
// They fail and change nothing, and the server keeps serving. [MS-DTYP] 2.4.2, 2.4.4, 2.4.5, 2.4.6.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { closeFile, createCall, type Mount } from "../client/raw-files.ts";
import {
  type AceText,
  descriptorOf,
  encodeDescriptor,
  openAll,
  readSecurity,
  setSecurityCall,
} from "../client/security-calls.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";

const WHOLE = encodeDescriptor(
  descriptorOf({
    owner: "S-1-22-1-1",
    group: "S-1-22-2-1",
    aces: [
      ["A", 0, FileGeneric.ALL, "S-1-22-1-1"],
      ["A", 0, FileGeneric.READ, "S-1-1-0"],
    ],
  }),
);
// Offsets in WHOLE: a header of 20 bytes, two SIDs of 16 bytes, then the DACL.
const OWNER_AT = 20;
const LIST_AT = 52;
const FIRST_ENTRY_AT = LIST_AT + 8;

/** A copy of WHOLE with one field changed: 8, 16 or 32 bits wide. */
function changed(at: number, bits: 8 | 16 | 32, value: number): Uint8Array {
  const copy = WHOLE.slice();
  const view = new DataView(copy.buffer);
  if (bits === 8) view.setUint8(at, value);
  else if (bits === 16) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

const LIES: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ["nothing", new Uint8Array(0)],
  ["half a header", WHOLE.slice(0, 10)],
  ["another revision", changed(0, 8, 2)],
  ["not self-relative", changed(2, 16, 0x0004)],
  ["owner past the end", changed(4, 32, WHOLE.length)],
  ["owner far past the end", changed(4, 32, 0xffff_fff0)],
  ["owner off its boundary", changed(4, 32, 21)],
  ["owner inside the header", changed(4, 32, 4)],
  ["group that begins at the end", changed(8, 32, WHOLE.length - 4)],
  ["DACL past the end", changed(16, 32, 0x7fff_fffc)],
  ["DACL in the last four bytes", changed(16, 32, WHOLE.length - 4)],
  ["more sub-authorities than a SID has", changed(OWNER_AT + 1, 8, 255)],
  ["another revision of a SID", changed(OWNER_AT, 8, 2)],
  ["DACL longer than the descriptor", changed(LIST_AT + 2, 16, 0xffff)],
  ["DACL shorter than its header", changed(LIST_AT + 2, 16, 4)],
  ["another revision of the DACL", changed(LIST_AT, 8, 9)],
  ["65,535 entries", changed(LIST_AT + 4, 16, 0xffff)],
  ["entry of no bytes", changed(FIRST_ENTRY_AT + 2, 16, 0)],
  ["entry of four bytes", changed(FIRST_ENTRY_AT + 2, 16, 4)],
  ["entry longer than the DACL", changed(FIRST_ENTRY_AT + 2, 16, 0xfffc)],
  ["entry of an odd size", changed(FIRST_ENTRY_AT + 2, 16, 19)],
  ["unknown kind of entry", changed(FIRST_ENTRY_AT, 8, 0x42)],
  ["entry shorter than its SID", changed(FIRST_ENTRY_AT + 9, 8, 15)],
];

for (const acl of ["nt", "posix"]) {
  describe(`acl = ${acl}`, () => {
    let server: TestServer;
    let on: Mount;
    let fileId: FileId;
    beforeAll(async () => {
      server = await startVictim({ shares: [{ name: "test", parameters: { acl } }] });
      on = await mountTest(server);
      fileId = await openAll(on, "target");
    });
    afterAll(async () => {
      await closeFile(on, fileId);
      on.client.close();
      await expectServing(server);
      await server.stop();
    });

    const { OWNER, GROUP, DACL } = SecurityInformation;

    test.each(LIES.map(([what, bytes]) => ({ what, bytes })))("SET_INFO fails: $what", async ({ bytes }) => {
      const before = await readSecurity(on, fileId);
      for (const parts of [DACL, OWNER | GROUP | DACL]) {
        const reply = await on.client.request(setSecurityCall(on, fileId, bytes, parts));
        expect(statusName(reply.status)).toBe("STATUS_INVALID_SECURITY_DESCR");
      }
      expect(await readSecurity(on, fileId)).toEqual(before);
    });

    test("CREATE with any of these descriptors fails and leaves no file", async () => {
      for (const [, bytes] of LIES) {
        const call = createCall(on, "never", {
          desiredAccess: FileGeneric.ALL,
          createDisposition: CreateDisposition.CREATE,
          contexts: { securityDescriptor: bytes },
        });
        expect(statusName((await on.client.request(call)).status)).toBe("STATUS_INVALID_SECURITY_DESCR");
      }
      expect(await on.client.outcome(createCall(on, "never"))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    });

    test.skipIf(process.getuid?.() !== 0)(
      "a DACL of thousands of entries is stored whole, or fails and changes nothing",
      async () => {
        const before = await readSecurity(on, fileId);
        const many = (count: number): Uint8Array =>
          encodeDescriptor(
            descriptorOf({
              aces: Array.from({ length: count }, (_, i): AceText => [
                "A",
                0,
                FileGeneric.READ,
                `S-1-22-1-${100_000 + i}`,
              ]),
            }),
          );
        const largest = await on.client.request(setSecurityCall(on, fileId, many(2700), DACL));
        // Not every disk can store extended attributes of 64 KiB: the client gets the disk's error.
        expect(["STATUS_INVALID_ACL", "STATUS_DISK_FULL", "STATUS_SUCCESS"]).toContain(
          statusName(largest.status),
        );
        const reply = await on.client.request(setSecurityCall(on, fileId, many(2000), DACL));
        const after = await readSecurity(on, fileId);
        if (reply.status !== Status.SUCCESS) {
          expect(statusName(reply.status)).toBe("STATUS_DISK_FULL");
          expect(after).toEqual(before);
        } else if (acl === "nt") expect(after.aces).toHaveLength(2000);
      },
    );
  });
}
