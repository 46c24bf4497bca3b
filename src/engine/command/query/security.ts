// QUERY_INFO of a security descriptor, in the parts that the client asks for ([MS-SMB2] 3.3.5.20.3,
// [MS-FSA] 2.1.5.14).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { EMPTY, Writer } from "../../../wire/cursor.ts";
import { encodeErrorResponse, ErrorId } from "../../../wire/command/error-response.ts";
import { type QueryInfoRequest, SecurityInformation } from "../../../wire/command/query-info.ts";
import {
  encodeSecurityDescriptor,
  SecurityControl,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../../wire/security/security-descriptor.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileNode } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { descriptorOf } from "../open/descriptor.ts";
import { usesNfsAces, withNfsAces } from "../open/nfs-aces.ts";
import { answerQuery } from "./answer.ts";

const SYSTEM_PARTS = SecurityInformation.SACL;

export function querySecurity(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  const wanted = request.additionalInformation;
  if ((wanted & SYSTEM_PARTS) !== 0 && (open.grantedAccess & Access.ACCESS_SYSTEM_SECURITY) === 0)
    return Status.ACCESS_DENIED;
  if ((wanted & ~SYSTEM_PARTS) !== 0 && (open.grantedAccess & Access.READ_CONTROL) === 0)
    return Status.ACCESS_DENIED;
  return andThen(readDescriptor(open, node), (full) => {
    if (typeof full === "number") return statusOf(full);
    const descriptor = selectParts(full, wanted);
    const size = securityDescriptorSize(descriptor);
    if (size > request.outputBufferLength) return answerTooSmall(exchange, size);
    return answerQuery(exchange, request, (writer) => encodeSecurityDescriptor(writer, descriptor));
  });
}

function readDescriptor(open: Open, node: FileNode): MaybePromise<SecurityDescriptor | Failure> {
  const read = descriptorOf(open.tree, node);
  if (!usesNfsAces(open.tree.session)) return read;
  return andThen(read, (full) => {
    if (typeof full === "number") return full;
    return andThen(node.refresh(), (stat) => (typeof stat === "number" ? stat : withNfsAces(full, stat)));
  });
}

/** The control bits that belong to the DACL. */
const DACL_CONTROL =
  SecurityControl.DACL_DEFAULTED |
  SecurityControl.DACL_AUTO_INHERIT_REQ |
  SecurityControl.DACL_AUTO_INHERITED |
  SecurityControl.DACL_PROTECTED;

const SACL_CONTROL =
  SecurityControl.SACL_DEFAULTED |
  SecurityControl.SACL_AUTO_INHERIT_REQ |
  SecurityControl.SACL_AUTO_INHERITED |
  SecurityControl.SACL_PROTECTED;

/** The parts of a descriptor that a client asks for by SecurityInformation bits. */
export function selectParts(full: SecurityDescriptor, wanted: number): SecurityDescriptor {
  const hasDacl = (wanted & SecurityInformation.DACL) !== 0;
  const hasSacl = (wanted & SecurityInformation.SACL) !== 0;
  return {
    control: full.control & ((hasDacl ? DACL_CONTROL : 0) | (hasSacl ? SACL_CONTROL : 0)),
    owner: (wanted & SecurityInformation.OWNER) !== 0 ? full.owner : undefined,
    group: (wanted & SecurityInformation.GROUP) !== 0 ? full.group : undefined,
    dacl: hasDacl ? full.dacl : undefined,
    // The server stores no labels or resource attributes.
    sacl: hasSacl ? full.sacl : undefined,
  };
}

// 3.3.5.20.3: the ErrorData of STATUS_BUFFER_TOO_SMALL is the required size.
function answerTooSmall(exchange: Exchange, size: number): NtStatus {
  const data = new Uint8Array(4);
  new Writer(data).u32(size);
  // 2.2.2: dialect 3.1.1 wraps ErrorData in an error context.
  const isContext = exchange.connection.negotiated?.dialect.hasNegotiateContexts === true;
  encodeErrorResponse(
    exchange.reserve(32),
    isContext ? { data: EMPTY, contexts: [{ errorId: ErrorId.DEFAULT, data }] } : { data, contexts: [] },
  );
  return Status.BUFFER_TOO_SMALL;
}
