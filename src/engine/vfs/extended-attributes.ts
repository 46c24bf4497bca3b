// Extended attributes as clients see them: xattrs in the namespace `user.` but for those that SMB servers
// reserve. Names and limits: [MS-FSCC] 2.4.15, [MS-FSA] 2.1.5.15.5. The on-disk form is that of Samba and
// ksmbd.
import { Errno } from "../../linux/errno.ts";
import { type ExtendedAttribute, NEED_EA } from "../../wire/fscc/extended-attribute.ts";
import { andThen } from "../and-then.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { Failure } from "./store.ts";
import type { NamedValues } from "./value-store.ts";
import { PREFIX, isReservedName } from "./format/value-names.ts";

/** Names of the attributes set with NEED_EA, each terminated by NUL: an xattr cannot store the flag. */
const NEEDED_NAMES = "user.minismbd.NEED_EA";
/** XATTR_NAME_MAX. */
const MAX_STORED_NAME_BYTES = 255;
// [MS-FSCC] 2.4.15: characters that a name must not contain.
// oxlint-disable-next-line no-control-regex
const UNFIT = /[\u0000-\u001f"*+,/:;<=>?[\\\]|]/;

/** Limit for all attributes of one file together, counted like EaSize. */
export const MAX_ATTRIBUTES_BYTES = 65_536 - 5;
/** EaValueLength has 16 bits. */
const MAX_VALUE_BYTES = 65_535;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Returns the xattr name for a client's name (one character per byte, UTF-8 on disk); undefined for an
 * invalid name.
 */
export function toStoredName(name: string): string | undefined {
  if (name.length === 0 || PREFIX.length + name.length > MAX_STORED_NAME_BYTES || UNFIT.test(name))
    return undefined;
  try {
    return PREFIX + strictDecoder.decode(Uint8Array.from(name, (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

function toClientName(stored: string): string {
  let name = "";
  for (const byte of encoder.encode(stored.slice(PREFIX.length))) name += String.fromCharCode(byte);
  return name;
}

/** Returns the key by which names are compared: the case of ASCII letters is ignored. */
export function foldAttributeName(name: string): string {
  return name.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** True for a client's name whose xattr no client may see or set. */
export function isReservedAttribute(name: string): boolean {
  const stored = toStoredName(name);
  return stored !== undefined && isReservedName(stored);
}

/** Returns EaSize in bytes, 0 for an empty list; [MS-FSA] 2.1.5.12.10. */
export function attributesSize(attributes: readonly ExtendedAttribute[]): number {
  let size = 0;
  for (const { name, value } of attributes) size += 4 + name.length + 1 + value.length;
  return size === 0 ? 0 : size + 4;
}

/** Returns the attributes visible to clients, in the order of listxattr(2); -errno on failure. */
export function readUserAttributes(values: NamedValues): MaybePromise<ExtendedAttribute[] | Failure> {
  return andThen(values.list(), (names) => {
    if (typeof names === "number") return names;
    if (names.length === 0) return [];
    const visible = names.filter((name) => !isReservedName(name));
    if (visible.length === 0) return [];
    return andThen(names.includes(NEEDED_NAMES) ? readNeeded(values) : undefined, (needed) => {
      const found: ExtendedAttribute[] = [];
      const read = (stored: string): MaybePromise<number> =>
        andThen(values.get(stored), (value) => {
          // Removed since the names were listed.
          if (value === -Errno.ENODATA) return 0;
          if (typeof value === "number") return value;
          const name = toClientName(stored);
          if (value.length > MAX_VALUE_BYTES || name.length > 255) return 0;
          found.push({ flags: needed?.has(foldAttributeName(name)) ? NEED_EA : 0, name, value });
          return 0;
        });
      return andThen(inTurn(visible, read), (failure) => (failure < 0 ? failure : found));
    });
  });
}

function readNeeded(values: NamedValues): MaybePromise<Set<string>> {
  return andThen(values.get(NEEDED_NAMES), (value) => {
    if (typeof value === "number") return new Set<string>();
    const text = Buffer.from(value).toString("latin1");
    return new Set(text.split("\0").filter((name) => name !== ""));
  });
}

/** True if any attribute of the file was set with NEED_EA, or if reading them fails; [MS-FSA] 2.1.5.1.2. */
export function needsKnowledge(values: NamedValues): MaybePromise<boolean> {
  return andThen(values.get(NEEDED_NAMES), (value) => {
    if (typeof value === "number") return false;
    return andThen(readUserAttributes(values), (attributes) =>
      typeof attributes === "number" ? true : attributes.some(({ flags }) => (flags & NEED_EA) !== 0),
    );
  });
}

interface Change {
  readonly stored: string;
  /** Undefined removes the attribute. */
  readonly value: Uint8Array | undefined;
  readonly previous: Uint8Array | undefined;
}

/**
 * Sets attributes and removes those whose value is empty; when one fails, the old values are restored. The
 * caller has checked that the names are valid and not reserved. Returns -E2BIG if the result exceeds
 * MAX_ATTRIBUTES_BYTES.
 */
export function changeUserAttributes(
  values: NamedValues,
  wanted: readonly ExtendedAttribute[],
): MaybePromise<0 | Failure> {
  return andThen(readUserAttributes(values), (before) => {
    if (typeof before === "number") return before;
    const after = new Map(before.map((attribute) => [foldAttributeName(attribute.name), attribute]));
    const touched = new Set<string>();
    for (const attribute of wanted) {
      const key = foldAttributeName(attribute.name);
      // An existing attribute keeps the case of its name.
      const name = after.get(key)?.name ?? attribute.name;
      if (attribute.value.length === 0) after.delete(key);
      else after.set(key, { ...attribute, name });
      touched.add(key);
    }
    const left = [...after.values()];
    if (attributesSize(left) > MAX_ATTRIBUTES_BYTES) return -Errno.E2BIG;
    const changes: Change[] = [];
    for (const key of touched) {
      const previous = before.find(({ name }) => foldAttributeName(name) === key);
      const now = after.get(key);
      const stored = toStoredName((now ?? previous)?.name ?? "");
      if (stored === undefined) continue;
      changes.push({ stored, value: now?.value, previous: previous?.value });
    }
    const had = neededNames(before);
    const has = neededNames(left);
    if (had !== has) changes.push({ stored: NEEDED_NAMES, value: bytesOf(has), previous: bytesOf(had) });
    return apply(values, changes);
  });
}

/** Makes all changes or none. */
function apply(values: NamedValues, changes: readonly Change[]): MaybePromise<0 | Failure> {
  const done: Change[] = [];
  const make = (change: Change): MaybePromise<number> =>
    andThen(put(values, change.stored, change.value), (result) => {
      if (result === 0) done.unshift(change);
      return result;
    });
  return andThen(inTurn(changes, make), (failure) => {
    if (failure >= 0) return 0;
    const restore = (change: Change) =>
      andThen(put(values, change.stored, change.previous), () => 0 as number);
    return andThen(inTurn(done, restore), () => failure);
  });
}

function put(values: NamedValues, stored: string, value: Uint8Array | undefined): MaybePromise<number> {
  if (value !== undefined) return (values.overflow ?? values).set(stored, value);
  return andThen(values.remove(stored), (result) => (result === -Errno.ENODATA ? 0 : result));
}

/** The stored form of a list of names; undefined for none. */
function bytesOf(names: string): Uint8Array | undefined {
  return names === "" ? undefined : new Uint8Array(Buffer.from(names, "latin1"));
}

function neededNames(attributes: readonly ExtendedAttribute[]): string {
  const needed = attributes.filter(({ flags }) => (flags & NEED_EA) !== 0);
  return needed.map(({ name }) => `${foldAttributeName(name)}\0`).join("");
}

/** Runs `action` for one item after the other and stops at the first failure. */
function inTurn<T>(items: readonly T[], action: (item: T) => MaybePromise<number>): MaybePromise<number> {
  for (const [i, item] of items.entries()) {
    const result = action(item);
    if (result instanceof Promise) {
      return result.then((value) => (value < 0 ? value : inTurn(items.slice(i + 1), action)));
    }
    if (result < 0) return result;
  }
  return 0;
}
