// Makes AppleFacts: the named values in which a file has them.
import type { AppleFacts } from "../listed.ts";
import { AFP_INFO_BYTES } from "./afp-info.ts";
import { STREAM_PREFIX } from "./value-names.ts";

/** As macOS spells them; other clients may spell them in another case. */
export const AFP_INFO_KEY = `${STREAM_PREFIX}AFP_AfpInfo:$DATA`;
export const AFP_RESOURCE_KEY = `${STREAM_PREFIX}AFP_Resource:$DATA`;

const FINDER_INFO_OFFSET = 16;
const FINDER_INFO_BYTES = 32;

export function emptyAppleFacts(): AppleFacts {
  return {
    resourceBytes: 0,
    finderInfo: undefined,
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

/** Finder information of the value AFP_INFO_KEY, which may end with a byte that is not data. */
export function finderInfoOf(value: Uint8Array): Uint8Array | undefined {
  if (value.length !== AFP_INFO_BYTES && value.length !== AFP_INFO_BYTES + 1) return undefined;
  const info = value.slice(FINDER_INFO_OFFSET, FINDER_INFO_OFFSET + FINDER_INFO_BYTES);
  return info.some((byte) => byte !== 0) ? info : undefined;
}
