// Which file information classes are served for which kind of object in which direction, and the status of
// all others. QUERY_INFO and SET_INFO dispatch by it ([MS-SMB2] 3.3.5.20.1, 3.3.5.21.1; uses of a class:
// [MS-FSCC] 2.4).
//
// A class of [MS-FSCC] that SMB2 does not query, or that SMB2 could set in principle: NOT_SUPPORTED. A class
// that cannot be set, and one that [MS-FSCC] does not have: INVALID_INFO_CLASS. smbd 4.17 makes no such
// difference: it answers INVALID_INFO_CLASS for all of these on disks and NOT_SUPPORTED for all on pipes.
import { FileInfoClass } from "../../../wire/fscc/info-class.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Open } from "../../state/open.ts";

export type ObjectKind = "file" | "folder" | "stream" | "pipe";
export type Direction = "query" | "set";

/** SUCCESS: the class is served, and its handler decides on the status. */
type Answers = Readonly<Record<ObjectKind, NtStatus>> & { readonly isServed: boolean };

interface Row {
  readonly query: Answers;
  readonly set: Answers;
}

const { SUCCESS, NOT_SUPPORTED, INVALID_INFO_CLASS, INVALID_PARAMETER } = Status;

const onDisk = {
  isServed: true,
  file: SUCCESS,
  folder: SUCCESS,
  stream: SUCCESS,
  pipe: NOT_SUPPORTED,
} as const;
const everywhere = { ...onDisk, pipe: SUCCESS } as const;
/** [MS-FSA] 2.1.5.15: data alone has a size. */
const onData = { ...onDisk, folder: INVALID_PARAMETER } as const;
const nowhere = {
  isServed: false,
  file: NOT_SUPPORTED,
  folder: NOT_SUPPORTED,
  stream: NOT_SUPPORTED,
  pipe: NOT_SUPPORTED,
} as const;
const invalid = {
  isServed: false,
  file: INVALID_INFO_CLASS,
  folder: INVALID_INFO_CLASS,
  stream: INVALID_INFO_CLASS,
  pipe: INVALID_INFO_CLASS,
} as const;
/** Classes of pipes: no pipe of this server needs them. */
const ofPipes = { ...invalid, pipe: NOT_SUPPORTED } as const;

const queried = { query: onDisk, set: invalid } as const;
const settable = { query: nowhere, set: onDisk } as const;
const both = { query: onDisk, set: onDisk } as const;
/** For QUERY_DIRECTORY, local programs or nobody. */
const unserved = { query: nowhere, set: invalid } as const;

const rows = {
  [FileInfoClass.DIRECTORY]: unserved,
  [FileInfoClass.FULL_DIRECTORY]: unserved,
  [FileInfoClass.BOTH_DIRECTORY]: unserved,
  [FileInfoClass.BASIC]: both,
  [FileInfoClass.STANDARD]: { query: everywhere, set: invalid },
  [FileInfoClass.INTERNAL]: queried,
  [FileInfoClass.EA]: queried,
  [FileInfoClass.ACCESS]: queried,
  // smbd answers a query of this class and of the next three that can be set only.
  [FileInfoClass.NAME]: unserved,
  [FileInfoClass.RENAME]: settable,
  [FileInfoClass.LINK]: settable,
  [FileInfoClass.NAMES]: unserved,
  [FileInfoClass.DISPOSITION]: settable,
  [FileInfoClass.POSITION]: both,
  [FileInfoClass.FULL_EA]: both,
  [FileInfoClass.MODE]: both,
  [FileInfoClass.ALIGNMENT]: queried,
  [FileInfoClass.ALL]: queried,
  [FileInfoClass.ALLOCATION]: { query: nowhere, set: onData },
  [FileInfoClass.END_OF_FILE]: { query: nowhere, set: onData },
  [FileInfoClass.ALTERNATE_NAME]: queried,
  [FileInfoClass.STREAM]: queried,
  [FileInfoClass.PIPE]: { query: ofPipes, set: ofPipes },
  [FileInfoClass.PIPE_LOCAL]: { query: ofPipes, set: invalid },
  [FileInfoClass.PIPE_REMOTE]: { query: ofPipes, set: invalid },
  [FileInfoClass.MAILSLOT_QUERY]: unserved,
  [FileInfoClass.MAILSLOT_SET]: unserved,
  [FileInfoClass.COMPRESSION]: queried,
  [FileInfoClass.OBJECT_ID]: unserved,
  [FileInfoClass.MOVE_CLUSTER]: unserved,
  // Quotas are an information type of their own.
  [FileInfoClass.QUOTA]: { query: nowhere, set: nowhere },
  [FileInfoClass.REPARSE_POINT]: unserved,
  [FileInfoClass.NETWORK_OPEN]: queried,
  [FileInfoClass.ATTRIBUTE_TAG]: queried,
  [FileInfoClass.TRACKING]: unserved,
  [FileInfoClass.ID_BOTH_DIRECTORY]: unserved,
  [FileInfoClass.ID_FULL_DIRECTORY]: unserved,
  [FileInfoClass.VALID_DATA_LENGTH]: settable,
  [FileInfoClass.SHORT_NAME]: settable,
  [FileInfoClass.SFIO_RESERVE]: unserved,
  [FileInfoClass.SFIO_VOLUME]: unserved,
  [FileInfoClass.LINKS]: unserved,
  [FileInfoClass.NORMALIZED_NAME]: queried,
  [FileInfoClass.ID_GLOBAL_TX_DIRECTORY]: unserved,
  [FileInfoClass.STANDARD_LINK]: unserved,
  [FileInfoClass.ID]: queried,
  [FileInfoClass.ID_EXTD_DIRECTORY]: unserved,
  // smbd 4.17 has none of these three; Windows 10 has.
  [FileInfoClass.DISPOSITION_EX]: settable,
  [FileInfoClass.RENAME_EX]: settable,
  [FileInfoClass.LINK_EX]: settable,
  [FileInfoClass.ID_64_EXTD_DIRECTORY]: unserved,
  [FileInfoClass.ID_64_EXTD_BOTH_DIRECTORY]: unserved,
  [FileInfoClass.ID_ALL_EXTD_DIRECTORY]: unserved,
  [FileInfoClass.ID_ALL_EXTD_BOTH_DIRECTORY]: unserved,
} as const satisfies Readonly<Record<number, Row>>;

type Rows = typeof rows;
type ServedIn<D extends Direction> = {
  [K in keyof Rows]: Rows[K][D]["isServed"] extends true ? K : never;
}[keyof Rows];

/** One value for each class that is served in that direction. */
export type ByClass<D extends Direction, T> = Readonly<Record<ServedIn<D>, T>>;

const byClass: ReadonlyMap<number, Row> = new Map(
  Object.entries(rows).map(([infoClass, row]) => [Number(infoClass), row]),
);

/** STATUS_SUCCESS where the class is served for that kind of object, else the status that refuses it. */
export function statusOfClass(direction: Direction, infoClass: number, kind: ObjectKind): NtStatus {
  return byClass.get(infoClass)?.[direction][kind] ?? INVALID_INFO_CLASS;
}

/** The handler of a class that is served; else the status that refuses it. */
export function handlerOf<D extends Direction, T extends object>(
  handlers: ByClass<D, T>,
  direction: D,
  infoClass: number,
  open: Open,
): T | NtStatus {
  const status = statusOfClass(direction, infoClass, kindOf(open));
  return status === SUCCESS ? handlers[infoClass as ServedIn<D>] : status;
}

function kindOf(open: Open): ObjectKind {
  if (open.node === undefined) return "pipe";
  if (open.file?.stream !== undefined) return "stream";
  return open.isDirectory ? "folder" : "file";
}
