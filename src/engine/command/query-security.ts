// The security descriptor of a file, made from its owner, group and mode bits; [MS-SMB2] 3.3.5.20.3. Owners are
// told as Samba's Unix users and groups (S-1-22-1-uid, S-1-22-2-gid), which its clients know to translate.
import type { MaybePromise } from "../../port/port.ts";
import { Access, FileGeneric } from "../../wire/access.ts";
import { EMPTY, Writer } from "../../wire/cursor.ts";
import { encodeErrorResponse, ErrorId } from "../../wire/error-response.ts";
import { type QueryInfoRequest, SecurityInformation } from "../../wire/query-info.ts";
import { type Ace, ACL_REVISION, AceType, simpleAce } from "../../wire/security/acl.ts";
import {
  encodeSecurityDescriptor,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../wire/security/security-descriptor.ts";
import type { Sid } from "../../wire/security/sid.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import type { FileNode, FileStat } from "../vfs/store.ts";
import { statusOf } from "./errno-status.ts";
import { answerQuery } from "./query-info.ts";

const EVERYONE: Sid = { authority: 1, subAuthorities: [0] };
/** What a set mode bit grants. DELETE goes with writing, as a directory's owner would expect. */
const MAY_READ = FileGeneric.READ;
const MAY_WRITE = FileGeneric.WRITE | Access.DELETE | Access.DELETE_CHILD;
const MAY_EXECUTE = FileGeneric.EXECUTE;

export function querySecurity(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<number> {
  const wanted = request.additionalInformation;
  if (
    (wanted & SecurityInformation.SACL) !== 0 &&
    (open.grantedAccess & Access.ACCESS_SYSTEM_SECURITY) === 0
  ) {
    return Status.ACCESS_DENIED;
  }
  const basics = SecurityInformation.OWNER | SecurityInformation.GROUP | SecurityInformation.DACL;
  if ((wanted & basics) !== 0 && (open.grantedAccess & Access.READ_CONTROL) === 0)
    return Status.ACCESS_DENIED;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const descriptor = describe(stat, wanted);
    const size = securityDescriptorSize(descriptor);
    if (size > request.outputBufferLength) return tellSize(exchange, size);
    return answerQuery(exchange, request, (writer) => encodeSecurityDescriptor(writer, descriptor));
  });
}

// 3.3.5.20.3: the error's data is the size that would do.
function tellSize(exchange: Exchange, size: number): number {
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

function describe(stat: FileStat, wanted: number): SecurityDescriptor {
  const owner: Sid = { authority: 22, subAuthorities: [1, stat.uid] };
  const group: Sid = { authority: 22, subAuthorities: [2, stat.gid] };
  const aces: Ace[] = [
    simpleAce(
      AceType.ACCESS_ALLOWED,
      0,
      (maskOf(stat.mode >> 6) | Access.WRITE_DAC | Access.WRITE_OWNER) >>> 0,
      owner,
    ),
    simpleAce(AceType.ACCESS_ALLOWED, 0, maskOf(stat.mode >> 3), group),
    simpleAce(AceType.ACCESS_ALLOWED, 0, maskOf(stat.mode), EVERYONE),
  ];
  return {
    control: 0,
    owner: (wanted & SecurityInformation.OWNER) !== 0 ? owner : undefined,
    group: (wanted & SecurityInformation.GROUP) !== 0 ? group : undefined,
    dacl: (wanted & SecurityInformation.DACL) !== 0 ? { revision: ACL_REVISION, aces } : undefined,
    sacl: undefined,
  };
}

function maskOf(bits: number): number {
  let mask: number = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
  if ((bits & 4) !== 0) mask |= MAY_READ;
  if ((bits & 2) !== 0) mask |= MAY_WRITE;
  if ((bits & 1) !== 0) mask |= MAY_EXECUTE;
  return mask >>> 0;
}
