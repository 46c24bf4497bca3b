// QUERY_INFO of FileFullEaInformation and EaSize ([MS-SMB2] 3.3.5.20.1, [MS-FSA] 2.1.5.12.10).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import {
  appendExtendedAttribute,
  decodeAttributeNames,
  type ExtendedAttribute,
  extendedAttributeSize,
} from "../../../wire/fscc/extended-attribute.ts";
import { QueryInfoFlag, type QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { Count, FileNode } from "../../vfs/store.ts";
import {
  attributesSize,
  foldAttributeName,
  readUserAttributes,
  toStoredName,
} from "../../vfs/extended-attributes.ts";
import { statusOf } from "../errno-status.ts";
import { decodeList } from "../open/extended-attributes.ts";

/** Fixed part of the response, and padding. */
const FIXED_BYTES = 16;

const NO_VALUE = new Uint8Array(0);

export function queryExtendedAttributes(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  if ((open.grantedAccess & Access.READ_EA) === 0) return Status.ACCESS_DENIED;
  if (!open.tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  const { inputBuffer, flags } = request;
  const names = inputBuffer.length === 0 ? undefined : decodeList(inputBuffer, decodeAttributeNames);
  if (typeof names === "number") return names;
  return andThen(readUserAttributes(node.values), (all) => {
    if (typeof all === "number") return statusOf(all);
    if (names !== undefined) {
      const found = selectNamed(all, names);
      return typeof found === "number" ? found : answer(exchange, request, found).status;
    }
    const start = scanStart(open, request, all.length);
    if (start === undefined) return Status.NONEXISTENT_EA_ENTRY;
    if (all.length === 0) return Status.NO_EAS_ON_FILE;
    if (start >= all.length) return Status.NO_MORE_EAS;
    const isSingle = (flags & QueryInfoFlag.RETURN_SINGLE_ENTRY) !== 0;
    const { status, count } = answer(exchange, request, all.slice(start, isSingle ? start + 1 : undefined));
    open.nextAttribute = start + count;
    return status;
  });
}

/**
 * Returns the first entry to return, from 0; undefined if the EaIndex, which counts from 1, is out of range.
 */
export function scanStart(
  open: Pick<Open, "nextAttribute">,
  request: Pick<QueryInfoRequest, "flags" | "additionalInformation">,
  count: number,
): number | undefined {
  const { flags, additionalInformation } = request;
  if ((flags & QueryInfoFlag.INDEX_SPECIFIED) !== 0) {
    return additionalInformation > count + 1 || additionalInformation === 0
      ? undefined
      : additionalInformation - 1;
  }
  return (flags & QueryInfoFlag.RESTART_SCAN) === 0 ? open.nextAttribute : 0;
}

/**
 * Returns the named attributes in that order, each once. One that the file lacks has an empty value;
 * INVALID_EA_NAME for a bad name.
 */
export function selectNamed(
  all: readonly ExtendedAttribute[],
  names: readonly string[],
): readonly ExtendedAttribute[] | NtStatus {
  const byName = new Map(all.map((attribute) => [foldAttributeName(attribute.name), attribute]));
  const found = new Map<string, ExtendedAttribute>();
  for (const name of names) {
    if (toStoredName(name) === undefined) return Status.INVALID_EA_NAME;
    const key = foldAttributeName(name);
    found.set(key, byName.get(key) ?? { flags: 0, name, value: NO_VALUE });
  }
  return [...found.values()];
}

/**
 * Writes as many complete entries as fit. STATUS_BUFFER_OVERFLOW if there are more, STATUS_BUFFER_TOO_SMALL
 * if none fits.
 */
function answer(
  exchange: Exchange,
  request: QueryInfoRequest,
  attributes: readonly ExtendedAttribute[],
): { readonly status: NtStatus; readonly count: number } {
  let size = 0;
  let count = 0;
  for (const { name, value } of attributes) {
    const end = ((size + 3) & ~3) + extendedAttributeSize(name.length, value.length);
    if (end > request.outputBufferLength) break;
    size = end;
    count++;
  }
  if (count === 0) return { status: Status.BUFFER_TOO_SMALL, count };
  const writer = exchange.reserve(FIXED_BYTES + size);
  const mark = beginBufferResponse(writer);
  let previous = -1;
  for (const attribute of attributes.slice(0, count)) {
    previous = appendExtendedAttribute(writer, attribute, previous);
  }
  finishBufferResponse(writer, mark);
  return { status: count < attributes.length ? Status.BUFFER_OVERFLOW : Status.SUCCESS, count };
}

/** EaSize in bytes; 0 if the share has no extended attributes or they cannot be read. */
export function eaSizeOf(open: Open, node: FileNode): MaybePromise<Count> {
  if (!open.tree.grant.eaSupport) return 0;
  return andThen(readUserAttributes(node.values), (attributes) =>
    typeof attributes === "number" ? 0 : attributesSize(attributes),
  );
}
