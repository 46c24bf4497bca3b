// The new name of a stream in a rename: `:stream`, `:stream:type` or `::type`; [MS-FSA] 2.1.5.15.11.1.
import { type NtStatus, Status } from "../../../wire/status.ts";

const MAX_NAME_UNITS = 255;
const MAX_COLONS = 3;
/** [MS-FSCC] 2.1.5.3; the colon separates. */
const FORBIDDEN = /[\u0000/\\]/;
/** Streams may have these characters, but a rename takes them for wildcards. */
const WILDCARDS = /["*<>?]/;

/** The type of the stream that is renamed. */
export const StreamType = { DATA: "$DATA", DIRECTORY: "$INDEX_ALLOCATION" } as const;
export type StreamType = (typeof StreamType)[keyof typeof StreamType];

/**
 * Returns the stream's name, "" for the unnamed stream. INVALID_PARAMETER for a malformed name, and for any
 * of a directory's own stream; OBJECT_TYPE_MISMATCH for another type than that of the stream.
 */
export function parseStreamName(name: string, type: StreamType): string | NtStatus {
  const parts = name.slice(1).split(":");
  const [stream = "", newType = ""] = parts;
  if (name.endsWith(":") || parts.length > MAX_COLONS) return Status.INVALID_PARAMETER;
  // With a third colon the type has one, which no type may have.
  if (parts.length > 2 || FORBIDDEN.test(name) || WILDCARDS.test(name)) return Status.INVALID_PARAMETER;
  if (stream.length > MAX_NAME_UNITS) return Status.INVALID_PARAMETER;
  if (newType !== "" && newType.toUpperCase() !== type) return Status.OBJECT_TYPE_MISMATCH;
  return type === StreamType.DIRECTORY ? Status.INVALID_PARAMETER : stream;
}
