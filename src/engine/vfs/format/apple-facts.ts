// Makes AppleFacts: the named values in which a file has them.
import type { AppleFacts } from "../listed.ts";
import {
  AFP_INFO_BYTES,
  FINDER_INFO_BYTES,
  FINDER_INFO_OFFSET,
  finderInfoOf,
  isBlankFinderInfo,
} from "./afp-info.ts";
import { STREAM_PREFIX } from "./value-names.ts";

/** As macOS spells them; other clients may spell them in another case. */
export const AFP_INFO_KEY = `${STREAM_PREFIX}AFP_AfpInfo:$DATA`;
export const AFP_RESOURCE_KEY = `${STREAM_PREFIX}AFP_Resource:$DATA`;

export function emptyAppleFacts(): AppleFacts {
  return {
    resourceBytes: 0,
    finderInfo: undefined,
    finderRoom: undefined,
    hasStreams: false,
    rights: 0,
    descriptorRights: undefined,
  };
}

export function clearAppleFacts(facts: AppleFacts): void {
  facts.resourceBytes = 0;
  facts.finderInfo = undefined;
  facts.hasStreams = false;
  facts.rights = 0;
  facts.descriptorRights = undefined;
}

/** A copy of the Finder information of the value AFP_INFO_KEY; undefined where there is none. */
export function finderInfoOfValue(value: Uint8Array): Uint8Array | undefined {
  if (!isFinderValue(value.length)) return undefined;
  const info = finderInfoOf(value);
  return isBlankFinderInfo(info) ? undefined : info.slice();
}

/** True for the length of a value AFP_INFO_KEY, which may end with a byte that is not data. */
export function isFinderValue(length: number): boolean {
  return length === AFP_INFO_BYTES || length === AFP_INFO_BYTES + 1;
}

/**
 * The same for the bytes that such a value begins with, in memory of `facts`: a listing makes no object for
 * each entry.
 */
export function takeFinderInfo(facts: AppleFacts, value: Uint8Array): void {
  const info = (facts.finderRoom ??= new Uint8Array(FINDER_INFO_BYTES));
  let isBlank = true;
  for (let at = 0; at < FINDER_INFO_BYTES; at++) {
    const byte = value[FINDER_INFO_OFFSET + at] ?? 0;
    info[at] = byte;
    if (byte !== 0) isBlank = false;
  }
  facts.finderInfo = isBlank ? undefined : info;
}
