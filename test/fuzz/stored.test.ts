// Readers of metadata on the disk, which other programs may have written: each returns a value or "absent",
// and every value can be sent to clients and stored again. The samples are from Samba, ksmbd and the kernel.
// The readers' files name the formats.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialDescriptorOf } from "../../src/engine/security/inheritance.ts";
import { defaultAclOf, withInherited } from "../../src/engine/security/posix-inheritance.ts";
import { grantedAccess } from "../../src/engine/security/access-rights.ts";
import { aclOfDescriptor, descriptorOfAcl, isExpressible } from "../../src/engine/security/posix-rights.ts";
import { makeToken } from "../../src/engine/security/token.ts";
import { writeDosAttributes } from "../../src/engine/vfs/format/dos-attributes.ts";
import { decodeNtAcl, encodeNtAcl } from "../../src/engine/vfs/format/ntacl.ts";
import {
  AclTag,
  decodePosixAcl,
  encodePosixAcl,
  hashRights,
  isExtended,
  modeOfAcl,
  type PosixAcl,
} from "../../src/engine/security/posix-acl.ts";
import { getSidecarValue, listSidecarValues, setSidecarValue } from "../../src/engine/vfs/sidecar/folder.ts";
import type { Subject } from "../../src/engine/vfs/sidecar/entry.ts";
import { decodeEntryTable, encodeEntry, ENTRY_HEADER_BYTES } from "../../src/engine/vfs/sidecar/format.ts";
import { parseStored } from "../../src/engine/vfs/values/stored-attributes.ts";
import { findStream, listStreams } from "../../src/engine/vfs/stream/stored-stream.ts";
import { readStream, sizeStreams } from "../../src/engine/vfs/stream/stream-content.ts";
import {
  attributesSize,
  needsKnowledge,
  readUserAttributes,
} from "../../src/engine/vfs/extended-attributes.ts";
import { emptyStatx, statAt } from "../../src/linux/stat.ts";
import { WireError, Writer } from "../../src/wire/cursor.ts";
import { writeFiletime } from "../../src/wire/filetime.ts";
import { appendExtendedAttribute } from "../../src/wire/fscc/extended-attribute.ts";
import {
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../src/wire/security/security-descriptor.ts";
import { formatSid } from "../../src/wire/security/sid.ts";
import { MemoryValues } from "../engine/vfs/stream/memory-values.ts";
import { createRandom, mutate } from "./bytes.ts";
import { COUNT, readAll, seed, TIMEOUT_MS } from "./reading.ts";
import { DOS_ATTRIBUTES, NTACLS, POSIX_ACLS } from "./stored-samples.ts";

const MAX_ACL_BYTES = 0xffff;

function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

const token = makeToken({ uid: 1, gid: 1, groups: [1, 2], sid: undefined, isGuest: false });

/** Does everything that is done with a stored security descriptor: format, check, inherit, map, store. */
function useDescriptor(descriptor: SecurityDescriptor): void {
  const { dacl } = descriptor;
  for (const { sid } of dacl?.aces ?? []) formatSid(sid);
  expect(grantedAccess(descriptor, token)).toBeGreaterThanOrEqual(0);
  isExpressible(descriptor);
  for (const isDirectory of [false, true]) {
    const acl = aclOfDescriptor(descriptor, 1, 1, isDirectory);
    expect(modeOfAcl(acl)).toBeLessThanOrEqual(0o777);
    const born = initialDescriptorOf({
      parent: descriptor,
      creatorDescriptor: undefined,
      owner: undefined,
      token,
      isDirectory,
    });
    if (born !== undefined) storeDescriptor(born);
  }
  defaultAclOf(descriptor);
  storeDescriptor(descriptor);
}

function storeDescriptor(descriptor: SecurityDescriptor): void {
  const stored = encodeNtAcl(descriptor, new Uint8Array(32), { seconds: 0, nanoseconds: 0 });
  const again = decodeNtAcl(stored).descriptor;
  expect(again.dacl?.aces.length).toBe(descriptor.dacl?.aces.length);
}

test(
  "readers of user.DOSATTRIB",
  async () => {
    const values = await readAll(DOS_ATTRIBUTES, (input) => {
      const found = parseStored(input);
      if (found === undefined) return undefined;
      const { attributes, birthSeconds, birthNanoseconds } = found;
      writeDosAttributes(attributes ?? 0, birthSeconds ?? 0, birthNanoseconds);
      if (birthSeconds !== undefined) {
        writeFiletime(new Writer(new Uint8Array(8)), birthSeconds, birthNanoseconds);
        expect(Number.isSafeInteger(birthSeconds)).toBe(true);
      }
      return found;
    });
    expect(values).toBeGreaterThan(100);
  },
  TIMEOUT_MS,
);

describe("readers of ACLs", () => {
  test(
    "security.NTACL of every version",
    async () => {
      const values = await readAll(NTACLS, (input) => {
        const stored = orAbsent(() => decodeNtAcl(input));
        if (stored !== undefined) useDescriptor(stored.descriptor);
        return stored;
      });
      expect(values).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );

  test(
    "POSIX ACLs",
    async () => {
      const values = await readAll(POSIX_ACLS, (input) => {
        const acl = orAbsent(() => decodePosixAcl(input));
        if (acl === undefined) return undefined;
        useAcl(acl);
        return acl;
      });
      expect(values).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );

  test("POSIX ACLs of the maximum size of an extended attribute", () => {
    for (const tag of [AclTag.USER, AclTag.GROUP]) {
      const named = Array.from({ length: 8188 }, (_, id) => ({ tag, permissions: 7, id: id + 10 }));
      const [owner, group, other] = [AclTag.USER_OBJ, AclTag.GROUP_OBJ, AclTag.OTHER].map((of) => ({
        tag: of,
        permissions: 7,
        id: 0,
      }));
      useAcl([owner, ...named, group, other].filter((entry) => entry !== undefined));
    }
  });
});

/** Does everything that is done with a stored POSIX ACL: encode, hash, describe as a security descriptor. */
function useAcl(acl: PosixAcl): void {
  const same = decodePosixAcl(encodePosixAcl(acl));
  expect(same.length).toBe(acl.length);
  isExtended(acl);
  modeOfAcl(acl);
  hashRights({ access: acl, inherited: acl, uid: 1, gid: 1, mode: 0o100644 });
  for (const isKept of [false, true]) {
    const described = withInherited(descriptorOfAcl(acl, 1, 1, isKept), acl);
    const bytes = new Uint8Array(securityDescriptorSize(described));
    encodeSecurityDescriptor(new Writer(bytes), described);
    expect(decodeSecurityDescriptor(bytes).dacl?.aces.length).toBe(described.dacl?.aces.length);
    expect(bytes.length).toBeLessThan(MAX_ACL_BYTES + 200);
    grantedAccess(described, token);
  }
}

/** A random name of an extended attribute, sometimes almost a valid one. */
function keyOf(random: () => number): string {
  const parts = [
    "user.",
    "DosStream",
    "DosStreamExt",
    ".",
    "1.",
    "a",
    ":$DATA",
    ":",
    "\0",
    "\ufffd",
    "/",
    "é",
  ];
  const heads = ["user.DosStream.", "user.DosStreamExt.1.", "user.", "security.", "user.minismbd."];
  let key = heads[Math.floor(random() * heads.length)] ?? "";
  for (let left = Math.floor(random() * 5); left > 0; left--) {
    key += parts[Math.floor(random() * parts.length)] ?? "";
  }
  return key;
}

describe("readers of named values", () => {
  const values = (input: Uint8Array, random: () => number): MemoryValues => {
    const memory = new MemoryValues();
    memory.map.set("user.DosStream.s:$DATA", input);
    memory.map.set("user.DosStreamExt.1.s:$DATA", mutate(input, random));
    memory.map.set("user.minismbd.NEED_EA", mutate(input, random));
    for (let left = Math.floor(random() * 4); left > 0; left--) {
      memory.map.set(keyOf(random), input.slice(Math.floor(random() * input.length)));
    }
    return memory;
  };
  // As stored by smbd 4.17: with a final zero, continued in a further attribute, macOS's Finder information.
  const samples = ["68656c6c6f00", "610a01", "414650", "00", "0f"].map((hex) => Uint8Array.fromHex(hex));

  test(
    "streams",
    async () => {
      const random = createRandom(seed);
      await readAll(samples, async (input) => {
        const memory = values(input, random);
        const streams = await listStreams(memory);
        if (typeof streams === "number") throw new Error("no list");
        for (const form of ["samba", "ksmbd"] as const) {
          const sized = await sizeStreams(memory, streams, form);
          if (typeof sized === "number") throw new Error("no sizes");
          expect(sized.length).toBe(streams.length);
          for (const { name, key } of streams) {
            const data = await readStream(memory, key, form);
            expect(typeof data === "number" ? data : data.length).toBeGreaterThanOrEqual(0);
            expect(name).not.toMatch(/[\\/\0:]/);
            expect(await findStream(memory, name)).toBeDefined();
          }
        }
        return streams;
      });
    },
    TIMEOUT_MS,
  );

  test(
    "extended attributes",
    async () => {
      const random = createRandom(seed + 1);
      await readAll(samples, async (input) => {
        const memory = values(input, random);
        const attributes = await readUserAttributes(memory);
        if (typeof attributes === "number") throw new Error("no list");
        await needsKnowledge(memory);
        const writer = new Writer(new Uint8Array(2 * attributesSize(attributes) + 64 * attributes.length));
        let previous = -1;
        for (const each of attributes) {
          expect(each.name).not.toMatch(/^(dosstream|minismbd)\./i);
          previous = appendExtendedAttribute(writer, each, previous);
        }
        return attributes;
      });
    },
    TIMEOUT_MS,
  );
});

describe("readers of the sidecar", () => {
  let root = "";
  let folder = -1;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "minismbd-fuzz-sidecar-"));
    folder = openSync(root, "r");
  });
  afterAll(() => {
    closeSync(folder);
    rmSync(root, { recursive: true, force: true });
  });

  const stored = (): Uint8Array => {
    const number = { birth: 1, entryBirth: 1, size: 2, modified: 3, inodeLow: 4, inodeHigh: 0 };
    const subject = { name: "file", ...number, entryInodeLow: 5, entryInodeHigh: 0 };
    const data = new Map([
      ["user.DOSATTRIB", Uint8Array.fromHex("000005000500000011000000220000007e01f64cae7add01")],
      ["user.DosStream.s:$DATA", new Uint8Array(30)],
    ]);
    return encodeEntry(subject, data)?.bytes ?? new Uint8Array();
  };

  /** Restores header, size and checksum, so that the rest of the entry is parsed. */
  const repaired = (input: Uint8Array): Uint8Array => {
    const bytes = input.slice();
    if (bytes.length < ENTRY_HEADER_BYTES) return bytes;
    const view = new DataView(bytes.buffer);
    bytes.set(stored().subarray(0, 6));
    view.setUint32(16, bytes.length, true);
    const end = Math.min(bytes.length, ENTRY_HEADER_BYTES + view.getUint32(8, true));
    view.setUint32(12, Bun.hash.crc32(bytes.subarray(ENTRY_HEADER_BYTES, end)), true);
    return bytes;
  };

  test(
    "tables of entries",
    async () => {
      const values = await readAll([stored()], (input) => {
        decodeEntryTable(input, input.length);
        const bytes = repaired(input);
        const table = decodeEntryTable(bytes, bytes.length);
        for (const { offset, length } of table?.extents.values() ?? []) {
          expect(offset + length).toBeLessThanOrEqual(bytes.length);
        }
        return table;
      });
      expect(values).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );

  test(
    "mutated entries on the disk are readable or absent, and replaced by the next write",
    async () => {
      const subjectOf = (name: string): Subject => {
        const stat = emptyStatx();
        expect(statAt(folder, name === "" ? "." : name, stat)).toBe(0);
        return { name, stat, hasStableInodes: true };
      };
      writeFileSync(join(root, "file"), "data");
      for (const name of ["file", ""]) {
        expect(setSidecarValue(folder, subjectOf(name), "user.DOSATTRIB", new Uint8Array(24))).toBe(0);
        const entry = join(root, ".minismbd", name === "" ? ".values" : "file.values");
        const sample = new Uint8Array(readFileSync(entry));
        const random = createRandom(seed + 2);
        for (let i = 0; i < Math.min(COUNT / 10, 3000); i++) {
          const input = mutate(sample, random);
          writeFileSync(entry, i % 2 === 0 ? input : repaired(input));
          const keys = listSidecarValues(folder, subjectOf(name)) as string[];
          for (const key of [...keys, "user.DOSATTRIB"]) getSidecarValue(folder, subjectOf(name), key);
          if (i % 20 === 0) {
            expect(setSidecarValue(folder, subjectOf(name), "user.x", Uint8Array.of(i & 0xff))).toBe(0);
            expect(getSidecarValue(folder, subjectOf(name), "user.x")).toEqual(Uint8Array.of(i & 0xff));
          }
        }
      }
    },
    TIMEOUT_MS,
  );
});
