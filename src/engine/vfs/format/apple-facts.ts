// Makes AppleFacts: the named values in which a file has them.
import type { AppleFacts } from "../listed.ts";
import { AFP_INFO_BYTES, finderInfoOf, isBlankFinderInfo } from "./afp-info.ts";
import { STREAM_PREFIX } from "./value-names.ts";

/** As macOS spells them; other clients may spell them in another case. */
export const AFP_INFO_KEY = `${STREAM_PREFIX}AFP_AfpInfo:$DATA`;
export const AFP_RESOURCE_KEY = `${STREAM_PREFIX}AFP_Resource:$DATA`;

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

/**
 * A copy of the Finder information of the value AFP_INFO_KEY, which may end with a byte that is not data;
 * undefined where there is none.
 */
export function finderInfoOfValue(value: Uint8Array): Uint8Array | undefined {
  if (value.length !== AFP_INFO_BYTES && value.length !== AFP_INFO_BYTES + 1) return undefined;
  const info = finderInfoOf(value);
  return isBlankFinderInfo(info) ? undefined : info.slice();
}
