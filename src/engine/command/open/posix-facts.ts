// File metadata for clients with the POSIX extensions, in the CREATE response and in information level 100;
// "SMB3 POSIX Extensions" 2.2.14.2, "POSIX Extensions to MS-FSCC" 2.3.
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import {
  PosixFileType,
  type PosixFacts,
  type PosixInformation,
  unixGroupSid,
  unixUserSid,
} from "../../../wire/posix.ts";
import type { FileStat } from "../../vfs/store.ts";
import { reparseTagOf } from "./reparse-tag.ts";

// Keys are S_IFMT bits shifted right by 12.
const fileTypes: ReadonlyMap<number, PosixFileType> = new Map([
  [0o01, PosixFileType.FIFO],
  [0o02, PosixFileType.CHARACTER],
  [0o04, PosixFileType.DIRECTORY],
  [0o06, PosixFileType.BLOCK],
  [0o12, PosixFileType.SYMLINK],
  [0o14, PosixFileType.SOCKET],
]);

export function posixFactsOf(stat: FileStat): PosixFacts {
  return {
    links: stat.links,
    reparseTag: reparseTagOf(stat.kind),
    mode: stat.mode,
    fileType: fileTypes.get(stat.format >>> 12) ?? PosixFileType.REGULAR,
    owner: unixUserSid(stat.uid),
    group: unixGroupSid(stat.gid),
  };
}

export function posixInformationOf(stat: FileStat): PosixInformation {
  const facts = posixFactsOf(stat);
  if (facts.reparseTag === 0) return { ...stat, ...facts };
  return { ...stat, ...facts, attributes: stat.attributes | FileAttribute.REPARSE_POINT };
}
