// Inheritance of ACEs by new objects ([MS-DTYP] 2.5.3.4.2), and the stored form of clients' descriptors.
import { expect, test } from "bun:test";
import {
  initialDescriptorOf,
  hasInheritableAces,
  normalizeDescriptor,
} from "../../../src/engine/security/inheritance.ts";
import { makeToken } from "../../../src/engine/security/token.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { AceFlag, AceType, aclSize, simpleAce } from "../../../src/wire/security/acl.ts";
import { SecurityControl, type SecurityDescriptor } from "../../../src/wire/security/security-descriptor.ts";
import { formatSid, parseSid } from "../../../src/wire/security/sid.ts";

const token = makeToken({
  uid: 1001,
  gid: 100,
  groups: [],
  sid: undefined,
  isGuest: false,
});
const {
  OBJECT_INHERIT: OI,
  CONTAINER_INHERIT: CI,
  NO_PROPAGATE_INHERIT: NP,
  INHERIT_ONLY: IO,
  INHERITED,
} = AceFlag;

function directory(control: number, ...entries: (readonly [sid: string, mask: number, flags: number])[]) {
  const aces = entries.map(([sid, mask, flags]) =>
    simpleAce(AceType.ACCESS_ALLOWED, flags, mask, parseSid(sid)),
  );
  return { control, owner: undefined, group: undefined, dacl: { revision: 2, aces }, sacl: undefined };
}

function formatAces(descriptor: SecurityDescriptor | undefined): string[] | undefined {
  return descriptor?.dacl?.aces.map(
    ({ sid, mask, flags }) => `${formatSid(sid)} ${mask.toString(16)} ${flags.toString(16)}`,
  );
}

function inherited(parent: SecurityDescriptor, isDirectory: boolean): string[] | undefined {
  return formatAces(
    initialDescriptorOf({ parent, creatorDescriptor: undefined, owner: undefined, token, isDirectory }),
  );
}

test("files and directories inherit ACEs by their flags", () => {
  // Flags of the parent's ACE, of a new file's and of a new directory's (undefined: none).
  const cases: [number, number | undefined, number | undefined][] = [
    [0, undefined, undefined],
    [OI, 0, OI | IO],
    [CI, undefined, CI],
    [OI | CI, 0, OI | CI],
    [OI | NP, 0, undefined],
    [CI | NP, undefined, 0],
    [OI | CI | NP, 0, 0],
    [OI | IO, 0, OI | IO],
    [CI | IO, undefined, CI],
    [OI | CI | IO | NP, 0, 0],
  ];
  for (const [flags, file, folder] of cases) {
    const parent = directory(0, ["S-1-1-0", 2, flags]);
    const entry = (result: number | undefined): string[] | undefined =>
      result === undefined ? undefined : [`S-1-1-0 2 ${result.toString(16)}`];
    expect(inherited(parent, false)).toEqual(entry(file));
    expect(inherited(parent, true)).toEqual(entry(folder));
    expect(hasInheritableAces(parent, true)).toBe(folder !== undefined);
  }
});

test("CREATOR OWNER and CREATOR GROUP become the creator's SIDs, and stay inheritable in directories", () => {
  const parent = directory(0, ["S-1-3-0", Access.GENERIC_ALL, OI | CI | IO], ["S-1-3-1", 1, OI | CI | IO]);
  expect(inherited(parent, false)).toEqual(["S-1-22-1-1001 1f01ff 0", "S-1-22-2-100 1 0"]);
  expect(inherited(parent, true)).toEqual([
    "S-1-22-1-1001 1f01ff 0",
    `S-1-3-0 ${Access.GENERIC_ALL.toString(16)} ${(OI | CI | IO).toString(16)}`,
    "S-1-22-2-100 1 0",
    `S-1-3-1 1 ${(OI | CI | IO).toString(16)}`,
  ]);
});

test("CREATOR OWNER becomes the owner where that is not the creator", () => {
  const parent = directory(0, ["S-1-3-0", 1, OI]);
  const owner = parseSid("S-1-22-1-7");
  const child = initialDescriptorOf({
    parent,
    creatorDescriptor: undefined,
    owner,
    token,
    isDirectory: false,
  });
  expect(child?.owner && formatSid(child.owner)).toBe("S-1-22-1-7");
  expect(formatAces(child)).toEqual(["S-1-22-1-7 1 0"]);
});

test("ACEs are marked INHERITED if the directory's DACL is DACL_AUTO_INHERITED", () => {
  const parent = directory(SecurityControl.DACL_AUTO_INHERITED, ["S-1-1-0", 1, OI]);
  const child = initialDescriptorOf({
    parent,
    creatorDescriptor: undefined,
    owner: undefined,
    token,
    isDirectory: false,
  });
  expect(formatAces(child)).toEqual([`S-1-1-0 1 ${INHERITED.toString(16)}`]);
  expect(child?.control).toBe(SecurityControl.DACL_AUTO_INHERITED);
});

test("a DACL of the creator replaces the inherited one", () => {
  const parent = directory(0, ["S-1-1-0", 1, OI]);
  const given = directory(SecurityControl.DACL_PRESENT, ["S-1-22-1-5", 2, 0]);
  expect(
    formatAces(
      initialDescriptorOf({ parent, creatorDescriptor: given, owner: undefined, token, isDirectory: false }),
    ),
  ).toEqual(["S-1-22-1-5 2 0"]);
});

test("inherited ACEs do not exceed the maximum size of a DACL", () => {
  const many = Array.from({ length: 2000 }, () => ["S-1-3-0", 1, OI | CI] as const);
  const child = initialDescriptorOf({
    parent: directory(0, ...many),
    creatorDescriptor: undefined,
    owner: undefined,
    token,
    isDirectory: true,
  });
  expect(child?.dacl && aclSize(child.dacl)).toBeLessThanOrEqual(0xffff);
});

test("normalizing keeps a requested DACL_AUTO_INHERITED and generic rights of INHERIT_ONLY ACEs", () => {
  const { DACL_AUTO_INHERITED, DACL_AUTO_INHERIT_REQ, DACL_PROTECTED } = SecurityControl;
  const control = (bits: number): number => normalizeDescriptor(directory(bits)).control;
  expect(control(DACL_AUTO_INHERITED)).toBe(0);
  expect(control(DACL_AUTO_INHERIT_REQ | DACL_PROTECTED)).toBe(DACL_PROTECTED);
  expect(control(DACL_AUTO_INHERITED | DACL_AUTO_INHERIT_REQ)).toBe(DACL_AUTO_INHERITED);
  const normalized = normalizeDescriptor(
    directory(0, ["S-1-1-0", Access.GENERIC_READ, 0], ["S-1-1-0", Access.GENERIC_READ, OI | IO]),
  );
  expect(normalized.dacl?.aces.map(({ mask }) => mask)).toEqual([FileGeneric.READ, Access.GENERIC_READ]);
});
