// The enumerations of srvsvc and wkssvc: a level, a container of entries, their number and a resume handle.
// [MS-SRVS] 2.2.3 (unions), 2.2.4 (containers), 3.1.4.1 (rules that all share).
import { wireError } from "../../wire/cursor.ts";
import { Win32Error } from "./interface.ts";
import type { NdrReader, NdrWriter } from "./ndr.ts";

/** A longer list takes several calls. */
export const MAX_ENUMERATION_BYTES = 1024 * 1024;

/** How an entry is written at one information level. Texts are embedded pointers: `output.text`. */
export interface EntryForm<T> {
  write(output: NdrWriter, entry: T): void;
  /** Bytes of an entry's fields; its texts are counted by `textOf`. */
  readonly bytesEach: number;
  /** The text of an entry, in UTF-16 units. */
  textUnits(entry: T): number;
}

export interface EnumerationRequest {
  readonly level: number;
  readonly preferredBytes: number;
  /** The client sent a resume handle, which the reply must have, too. */
  readonly hasResume: boolean;
  readonly resume: number;
}

/**
 * Reads the level alone, twice as in every union; a request of unknown level has no more that could be told.
 */
export function readLevel(input: NdrReader): number {
  const level = input.u32();
  if (input.u32() !== level) throw wireError("union's level differs from the structure's");
  return level;
}

/** Reads what follows the level; containers in requests are empty ([MS-SRVS] 2.2.4.38). */
export function readRest(input: NdrReader, level: number): EnumerationRequest {
  if (input.pointer()) {
    // impacket sends an array without elements in place of no array.
    const hasEntries = input.u32() !== 0 || (input.pointer() && input.u32() !== 0);
    if (hasEntries) throw wireError("container with entries in a request");
  }
  const preferredBytes = input.u32();
  const hasResume = input.pointer();
  return { level, preferredBytes, hasResume, resume: hasResume ? input.u32() : 0 };
}

/** Answers with the entries from the resume handle on, as many as fit; always one at least. */
export function writeEnumeration<T>(
  output: NdrWriter,
  { level, preferredBytes, hasResume, resume }: EnumerationRequest,
  form: EntryForm<T>,
  all: readonly T[],
): void {
  const listed = all.slice(resume);
  const entries = takeFitting(listed, form, Math.min(preferredBytes, MAX_ENUMERATION_BYTES));
  const isAll = entries.length === listed.length;
  output.u32(level);
  output.u32(level);
  output.pointer();
  output.u32(entries.length);
  output.pointer();
  output.u32(entries.length);
  for (const entry of entries) form.write(output, entry);
  output.referents();
  output.u32(listed.length);
  output.pointer(hasResume);
  if (hasResume) output.u32(isAll ? 0 : resume + entries.length);
  output.u32(isAll ? Win32Error.SUCCESS : Win32Error.MORE_DATA);
}

function takeFitting<T>(entries: readonly T[], form: EntryForm<T>, preferredBytes: number): readonly T[] {
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    bytes += form.bytesEach + 2 * form.textUnits(entry);
    if (bytes > preferredBytes && index > 0) return entries.slice(0, index);
  }
  return entries;
}

/** Refuses a level that the interface has: the container is there and empty, as smbd's. */
export function refuseEntries(
  output: NdrWriter,
  { level, hasResume }: EnumerationRequest,
  error: number,
): void {
  output.u32(level);
  output.u32(level);
  output.pointer();
  output.u32(0);
  output.pointer(false);
  output.u32(0);
  output.pointer(hasResume);
  if (hasResume) output.u32(0);
  output.u32(error);
}

/**
 * Refuses a level before the rest is read. `hasContainer`: the union has a pointer at this level, which is
 * then null.
 */
export function refuseEnumeration(
  output: NdrWriter,
  level: number,
  hasContainer: boolean,
  error: number,
): void {
  output.u32(level);
  output.u32(level);
  if (hasContainer) output.pointer(false);
  output.u32(0);
  output.pointer(false);
  output.u32(error);
}
