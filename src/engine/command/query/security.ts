// QUERY_INFO of a security descriptor, and the parts of one that a client asks for; [MS-SMB2] 3.3.5.20.3,
// [MS-FSA] 2.1.5.14.
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
import type { FileNode } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { descriptorOf } from "../open/descriptor.ts";
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
  return andThen(descriptorOf(open.tree, node), (whole) => {
    if (typeof whole === "number") return statusOf(whole);
    const descriptor = selectParts(whole, wanted);
    const size = securityDescriptorSize(descriptor);
    if (size > request.outputBufferLength) return answerTooSmall(exchange, size);
    return answerQuery(exchange, request, (writer) => encodeSecurityDescriptor(writer, descriptor));
  });
}

const DACL_CONTROL =
  SecurityControl.DACL_DEFAULTED |
  SecurityControl.DACL_AUTO_INHERIT_REQ |
  SecurityControl.DACL_AUTO_INHERITED |
  SecurityControl.DACL_PROTECTED;

function selectParts(whole: SecurityDescriptor, wanted: number): SecurityDescriptor {
  const hasDacl = (wanted & SecurityInformation.DACL) !== 0;
  return {
    control: hasDacl ? whole.control & DACL_CONTROL : 0,
    owner: (wanted & SecurityInformation.OWNER) !== 0 ? whole.owner : undefined,
    group: (wanted & SecurityInformation.GROUP) !== 0 ? whole.group : undefined,
    dacl: hasDacl ? whole.dacl : undefined,
    // Nobody is let at it, and labels and attributes are not kept.
    sacl: undefined,
  };
}

// 3.3.5.20.3: the error's data is the size that would do.
function answerTooSmall(exchange: Exchange, size: number): NtStatus {
  const data = new Uint8Array(4);
  new Writer(data).u32(size);
  // 2.2.2: since 3.1.1 error data stands in a context.
  const isContext = exchange.connection.negotiated?.dialect.hasNegotiateContexts === true;
  encodeErrorResponse(
    exchange.reserve(32),
    isContext ? { data: EMPTY, contexts: [{ errorId: ErrorId.DEFAULT, data }] } : { data, contexts: [] },
  );
  return Status.BUFFER_TOO_SMALL;
}
