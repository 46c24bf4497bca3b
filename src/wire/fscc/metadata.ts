// Times, sizes and attributes of a file in CREATE, CLOSE and many information classes. The properties have
// the names of the store's stat object, so that it can be passed unchanged: CreationTime is `birth`,
// LastAccessTime `access`, LastWriteTime `modify`.
// [MS-FSCC] 2.4, FileBasicInformation and FileNetworkOpenInformation; [MS-SMB2] 2.2.14, 2.2.16.
import type { Reader, Writer } from "../cursor.ts";
import { readTime, type Time, writeFiletime } from "../filetime.ts";

/** Seconds since 1970 (may be negative) and nanoseconds. */
export interface FileTimes {
  readonly birthSeconds: number;
  readonly birthNanoseconds: number;
  readonly accessSeconds: number;
  readonly accessNanoseconds: number;
  readonly modifySeconds: number;
  readonly modifyNanoseconds: number;
  readonly changeSeconds: number;
  readonly changeNanoseconds: number;
}

export interface FileMetadata extends FileTimes {
  /** AllocationSize in bytes. */
  readonly allocated: number;
  /** EndOfFile in bytes. */
  readonly size: number;
  /** FILE_ATTRIBUTE bits; 0 is written as NORMAL. */
  readonly attributes: number;
}

/** Writes CreationTime, LastAccessTime, LastWriteTime and ChangeTime: 32 bytes. */
export function writeTimes(writer: Writer, times: FileTimes): void {
  writeFiletime(writer, times.birthSeconds, times.birthNanoseconds);
  writeFiletime(writer, times.accessSeconds, times.accessNanoseconds);
  writeFiletime(writer, times.modifySeconds, times.modifyNanoseconds);
  writeFiletime(writer, times.changeSeconds, times.changeNanoseconds);
}

export function readTimes(reader: Reader): FileTimes {
  return timesOf(readTime(reader), readTime(reader), readTime(reader), readTime(reader));
}

function timesOf(birth: Time, access: Time, modify: Time, change: Time): FileTimes {
  return {
    birthSeconds: birth.seconds,
    birthNanoseconds: birth.nanoseconds,
    accessSeconds: access.seconds,
    accessNanoseconds: access.nanoseconds,
    modifySeconds: modify.seconds,
    modifyNanoseconds: modify.nanoseconds,
    changeSeconds: change.seconds,
    changeNanoseconds: change.nanoseconds,
  };
}
