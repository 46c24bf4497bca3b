// SMB2 QUERY_INFO: tables of information classes ([MS-SMB2] 3.3.5.20; [MS-FSA] 2.1.5.12, 2.1.5.13).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import type { Writer } from "../../../wire/cursor.ts";
import {
  encodeAllInformation,
  encodeAttributeTagInformation,
  encodeBasicInformation,
  encodeCompressionInformation,
  encodeIdInformation,
  encodeInternalInformation,
  encodeNameInformation,
  encodeNetworkOpenInformation,
  encodeSizeInformation,
  encodeStandardInformation,
  encodeUint32Information,
} from "../../../wire/fscc/file-information.ts";
import { FileInfoClass, queryFileSize } from "../../../wire/fscc/info-class.ts";
import { POSIX_INFO_CLASS } from "../../../wire/posix.ts";
import { decodeQueryInfoRequest, InfoType, type QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { isShortName } from "../../vfs/name/short-names.ts";
import type { FileNode, FileStat } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { queryPosixFile } from "./posix.ts";
import { queryFileSystem } from "./volume.ts";
import { querySecurity } from "./security.ts";
import { queryStreams } from "./streams.ts";
import { type ByClass, handlerOf } from "../open/file-classes.ts";
import { diskIdOf } from "../open/disk-id.ts";
import { statOfOpen, countReserved } from "../open/stat.ts";
import { reparseTagOf } from "../open/reparse-tag.ts";
import { eaSizeOf, queryExtendedAttributes } from "./extended-attributes.ts";
import { answerQuery } from "./answer.ts";

/** Data of which the classes build their answers. */
interface Facts {
  readonly open: Open;
  readonly stat: FileStat;
  /** The client's path, with a leading backslash. */
  readonly path: string;
  /** 0 unless the class has `needsEaSize`. */
  readonly eaSize: number;
}

type QueryHandler = (
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
) => MaybePromise<NtStatus>;

interface FileClassRow {
  /** Rights of which the open must have one; 0 if it needs none. */
  readonly access: number;
  readonly write: (writer: Writer, facts: Facts) => void;
  readonly needsEaSize?: boolean;
}

// The access that each class needs: [MS-FSA] 2.1.5.12.
const fileClasses: ByClass<"query", FileClassRow | QueryHandler> = {
  [FileInfoClass.BASIC]: {
    access: Access.READ_ATTRIBUTES,
    write: (w, { stat }) => encodeBasicInformation(w, stat),
  },
  [FileInfoClass.STANDARD]: {
    access: 0,
    write: (w, facts) => encodeStandardInformation(w, standardOf(facts)),
  },
  [FileInfoClass.INTERNAL]: {
    access: 0,
    write: (w, { open, stat }) => encodeInternalInformation(w, diskIdOf(open, stat)),
  },
  [FileInfoClass.EA]: {
    access: 0,
    write: (w, { eaSize }) => encodeUint32Information(w, eaSize),
    needsEaSize: true,
  },
  [FileInfoClass.ACCESS]: {
    access: 0,
    write: (w, { open }) => encodeUint32Information(w, open.grantedAccess),
  },
  [FileInfoClass.POSITION]: { access: 0, write: (w, { open }) => encodeSizeInformation(w, open.position) },
  [FileInfoClass.FULL_EA]: queryExtendedAttributes,
  [FileInfoClass.MODE]: { access: 0, write: (w, { open }) => encodeUint32Information(w, open.mode) },
  [FileInfoClass.ALIGNMENT]: { access: 0, write: (w) => encodeUint32Information(w, 0) },
  [FileInfoClass.ALL]: { access: Access.READ_ATTRIBUTES, write: writeAll, needsEaSize: true },
  [FileInfoClass.ALTERNATE_NAME]: queryShortName,
  [FileInfoClass.STREAM]: queryStreams,
  [FileInfoClass.COMPRESSION]: {
    access: 0,
    write: (w, { stat }) => encodeCompressionInformation(w, { compressedSize: stat.size, format: 0 }),
  },
  [FileInfoClass.NETWORK_OPEN]: {
    access: Access.READ_ATTRIBUTES,
    write: (w, { stat }) => encodeNetworkOpenInformation(w, stat),
  },
  [FileInfoClass.ATTRIBUTE_TAG]: {
    access: Access.READ_ATTRIBUTES,
    write: (w, { stat }) =>
      encodeAttributeTagInformation(w, {
        attributes: stat.attributes,
        reparseTag: reparseTagOf(stat.kind),
      }),
  },
  [FileInfoClass.NORMALIZED_NAME]: {
    access: 0,
    write: (w, { path }) => encodeNameInformation(w, path.slice(1)),
  },
  [FileInfoClass.ID]: {
    access: 0,
    write: (w, { open, stat }) => {
      const { inodeLow, inodeHigh } = diskIdOf(open, stat);
      encodeIdInformation(w, { volumeLow: stat.device % 2 ** 32, volumeHigh: 0, inodeLow, inodeHigh });
    },
  },
};

export function handleQueryInfo(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const request = decodeQueryInfoRequest(exchange.message);
  if (request.outputBufferLength > exchange.context.settings.maxTransactBytes)
    return Status.INVALID_PARAMETER;
  if (!paysFor(exchange, Math.max(request.outputBufferLength, request.inputBuffer.length))) {
    return Status.INVALID_PARAMETER;
  }
  if (open.node === undefined) return queryPipe(exchange, open, request);
  switch (request.infoType) {
    case InfoType.FILE:
      return queryFile(exchange, open, open.node, request);
    case InfoType.FILESYSTEM:
      return queryFileSystem(exchange, open, open.node, request);
    case InfoType.SECURITY:
      return querySecurity(exchange, open, open.node, request);
    case InfoType.QUOTA:
      return Status.NOT_SUPPORTED;
    default:
      return Status.INVALID_PARAMETER;
  }
}

function queryFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  const { infoClass } = request;
  if (infoClass === POSIX_INFO_CLASS) return queryPosixFile(exchange, open, node, request);
  const row = handlerOf(fileClasses, "query", infoClass, open);
  if (typeof row === "number") return row;
  if (typeof row === "function") return row(exchange, open, node, request);
  // 3.3.5.20.1: only dialect 3.1.1 has this class.
  const hasNames = exchange.connection.negotiated?.dialect.hasNegotiateContexts === true;
  if (infoClass === FileInfoClass.NORMALIZED_NAME && !hasNames) return Status.NOT_SUPPORTED;
  if (row.access !== 0 && (open.grantedAccess & row.access) === 0) return Status.ACCESS_DENIED;
  if (request.outputBufferLength < (queryFileSize(infoClass) ?? 0)) return Status.INFO_LENGTH_MISMATCH;
  // CREATE and the QUERY_INFO behind it in one compound answer with one stat.
  const isKnown = exchange.predecessor.stat === node.stat;
  return andThen(isKnown ? node.stat : statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const path = `\\${pathOf(open)}`;
    if (!isKnown) {
      countReserved(open, stat);
      exchange.context.changeTimes.apply(stat);
    }
    return andThen(row.needsEaSize ? eaSizeOf(open, node) : 0, (eaSize) =>
      answerQuery(exchange, request, (writer) => row.write(writer, { open, stat, path, eaSize })),
    );
  });
}

/**
 * [MS-FSA] 2.1.5.12.4, which asks for no access. As in NTFS, a name of the form 8.3 is its own short name.
 */
function queryShortName(
  exchange: Exchange,
  open: Open,
  _node: FileNode,
  request: QueryInfoRequest,
): NtStatus {
  if (request.outputBufferLength < (queryFileSize(request.infoClass) ?? 0))
    return Status.INFO_LENGTH_MISMATCH;
  const name = pathOf(open).split("\\").at(-1) ?? "";
  const short = open.tree.store?.shortNameOf?.(name) || (isShortName(name) ? name : "");
  // 2.1.5.12.4 demands OBJECT_NAME_NOT_FOUND, at which `allinfo` of smbclient 4.17 stops: it goes on at this
  // one.
  if (short === "") return Status.NOT_SUPPORTED;
  return answerQuery(exchange, request, (writer) => encodeNameInformation(writer, short));
}

/** The client's path of an open, without leading backslash; "" for the root. */
function pathOf(open: Open): string {
  const below = open.pathBelow(open.rootPath);
  const path = open.tree.store?.clientPath(below) ?? "";
  const stream = open.file?.stream;
  return stream === undefined ? path : `${path}:${stream.name}`;
}

function standardOf({ open, stat }: Facts): {
  allocated: number;
  size: number;
  links: number;
  deletePending: boolean;
  isDirectory: boolean;
} {
  const deletePending = open.file?.deletePending === true || open.file?.base?.deletePending === true;
  const isRemoved = open.file !== undefined && !(open.file.base ?? open.file).hasName;
  const links = open.isDirectory ? 1 : stat.links;
  return {
    allocated: stat.allocated,
    size: stat.size,
    // [MS-FSA] 2.1.5.12.27: a name with a pending deletion is not counted.
    links: deletePending ? Math.max(0, links - 1) : links,
    deletePending: deletePending || isRemoved,
    isDirectory: open.isDirectory,
  };
}

function writeAll(writer: Writer, facts: Facts): void {
  const { open, stat, path } = facts;
  const { inodeLow, inodeHigh } = diskIdOf(open, stat);
  encodeAllInformation(writer, {
    ...stat,
    inodeLow,
    inodeHigh,
    ...standardOf(facts),
    eaSize: facts.eaSize,
    accessFlags: open.grantedAccess,
    position: open.position,
    mode: open.mode,
    alignment: 0,
    name: path,
  });
}

function queryPipe(exchange: Exchange, open: Open, request: QueryInfoRequest): NtStatus {
  if (request.infoType !== InfoType.FILE) return Status.NOT_SUPPORTED;
  const row = handlerOf(fileClasses, "query", request.infoClass, open);
  if (typeof row === "number") return row;
  if (request.outputBufferLength < (queryFileSize(request.infoClass) ?? 0))
    return Status.INFO_LENGTH_MISMATCH;
  return answerQuery(exchange, request, (writer) =>
    // As on Windows, a pipe has one link and is delete-pending.
    encodeStandardInformation(writer, {
      allocated: 4096,
      size: 0,
      links: 1,
      deletePending: open.pipe >= 0,
      isDirectory: false,
    }),
  );
}
