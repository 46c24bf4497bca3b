// SET_INFO of FileShortNameInformation ([MS-FSA] 2.1.5.15.13): takes a privilege that no user has.
import { Access } from "../../../wire/security/access.ts";
import { decodeNameInformation } from "../../../wire/fscc/file-information.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { isShortName } from "../../vfs/name/short-names.ts";
import type { FileNode } from "../../vfs/store.ts";

export function setShortName(_: Exchange, open: Open, __: FileNode, buffer: Uint8Array): NtStatus {
  const { file } = open;
  const name = decodeNameInformation(buffer);
  const isRoot = file?.path === open.rootPath;
  // An empty name removes the short name, [MS-FSCC] 2.4.44.
  if (isRoot || file?.base !== undefined || (name !== "" && !isShortName(name)))
    return Status.INVALID_PARAMETER;
  const mayWrite = (open.grantedAccess & (Access.WRITE_DATA | Access.WRITE_ATTRIBUTES)) !== 0;
  if (!mayWrite || open.deleteOnClose || file?.deletePending === true) return Status.ACCESS_DENIED;
  return Status.PRIVILEGE_NOT_HELD;
}
