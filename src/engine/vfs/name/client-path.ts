// Parses the path that a client sends into components and stream name. It is relative to the share's root,
// with backslashes between components; [MS-FSCC] 2.1.5, [MS-SMB2] 2.2.13 and 3.3.5.9.
import { type NtStatus, Status } from "../../../wire/status.ts";

export interface ParsedPath {
  /** Empty for the share's root. */
  readonly components: readonly string[];
  /** The named stream; undefined for the file itself (`name::$DATA` too). */
  readonly stream: string | undefined;
  /**
   * The type that the name demands of the object: `name::$DATA` a file, `name::$INDEX_ALLOCATION` a
   * directory.
   */
  readonly kind: "any" | "file" | "directory";
}

/**
 * [MS-FSCC] 2.1.5: a component has at most 255 characters, a path 32,760 with the share; Windows allows
 * 32,767.
 */
export const MAX_COMPONENT_UNITS = 255;
const MAX_PATH_UNITS = 32_767;

// Control characters and reserved characters except colon, backslash and slash; [MS-FSCC] 2.1.5.2.
const forbidden = /[\u0000-\u001f"*<>?|]/;
// [MS-FSCC] 2.1.5 has the backslash alone; smbd also takes a slash, which some programs leave in names.
const separators = /[\\/]/;
// Forbidden in a stream name, besides colon and backslash; [MS-FSCC] 2.1.5.3.
const forbiddenInStream = /[\u0000/]/;

/**
 * Parses a Windows path. Returns INVALID_PARAMETER for a leading backslash and for `name:stream` with a
 * directory's type, OBJECT_PATH_SYNTAX_BAD for a path that leads out of the share, and OBJECT_NAME_INVALID
 * for any other invalid path. A caller that looks the path up may pass a larger `maxComponentUnits`: a
 * missing folder above is reported before the length of a name.
 */
export function parsePath(name: string, maxComponentUnits = MAX_COMPONENT_UNITS): ParsedPath | NtStatus {
  if (name.length > MAX_PATH_UNITS) return Status.OBJECT_NAME_INVALID;
  if (name.startsWith("\\")) return Status.INVALID_PARAMETER;
  const colon = name.indexOf(":", name.lastIndexOf("\\") + 1);
  if (colon >= 0) return parseStream(name.slice(0, colon), name.slice(colon + 1));
  const components = parseComponents(name, maxComponentUnits);
  return typeof components === "number" ? components : { components, stream: undefined, kind: "any" };
}

function parseComponents(name: string, maxUnits = MAX_COMPONENT_UNITS): string[] | NtStatus {
  if (forbidden.test(name) || name.startsWith("/")) return Status.OBJECT_NAME_INVALID;
  const components: string[] = [];
  for (const component of name.split(separators)) {
    // A directory's name may end with a backslash; several count as one, and `.` as none, as in Windows and
    // Samba.
    if (component === "" || component === ".") continue;
    if (component === "..") {
      // It must not take a snapshot's token away: the client would get the live file.
      if (name.includes("@GMT-")) return Status.OBJECT_NAME_INVALID;
      // smbd's status; Windows answers INVALID_PARAMETER.
      if (components.pop() === undefined) return Status.OBJECT_PATH_SYNTAX_BAD;
      continue;
    }
    if (component.includes(":") || component.length > maxUnits) return Status.OBJECT_NAME_INVALID;
    components.push(component);
  }
  return components;
}

/** `text` is what follows the first colon of the last component: `stream`, `stream:type` or `:type`. */
function parseStream(file: string, text: string): ParsedPath | NtStatus {
  // A stream belongs to a named object or to the root.
  if (/[\\/]$/.test(file)) return Status.OBJECT_NAME_INVALID;
  const components = parseComponents(file);
  if (typeof components === "number") return components;
  const parts = text.split(":");
  const [stream = "", type] = parts;
  if (parts.length > 2 || stream.length > MAX_COMPONENT_UNITS || forbiddenInStream.test(stream)) {
    return Status.OBJECT_NAME_INVALID;
  }
  switch (type?.toUpperCase()) {
    case undefined:
      // `name:` without a stream name is invalid.
      if (stream === "") return Status.OBJECT_NAME_INVALID;
      return { components, stream, kind: "any" };
    case "$DATA":
      if (stream === "") return { components, stream: undefined, kind: "file" };
      return { components, stream, kind: "any" };
    case "$INDEX_ALLOCATION":
      // 2.1.5.3: `dir:$I30:$INDEX_ALLOCATION` is the directory itself. [MS-FSA] 2.1.5.1 refuses other streams
      // of that type.
      if (stream !== "" && stream.toUpperCase() !== "$I30") return Status.INVALID_PARAMETER;
      return { components, stream: undefined, kind: "directory" };
    default:
      return Status.OBJECT_NAME_INVALID;
  }
}

/**
 * Parses the path of an open with the SMB3 POSIX extensions; statuses as `parsePath`. The Linux client
 * separates components by slashes, and a backslash is then part of a name. A path without any slash is
 * separated by backslashes, as in [MS-FSCC] 2.1.5.
 */
export function parsePosixPath(name: string): ParsedPath | NtStatus {
  if (name.length > MAX_PATH_UNITS || name.includes("\0")) return Status.OBJECT_NAME_INVALID;
  const separator = name.includes("/") ? "/" : "\\";
  if (name.startsWith(separator)) return Status.INVALID_PARAMETER;
  const plain = name.endsWith(separator) ? name.slice(0, -1) : name;
  const components = plain === "" ? [] : plain.split(separator);
  for (const component of components) {
    if (component === "" || component === "." || component === "..") return Status.OBJECT_NAME_INVALID;
  }
  return { components, stream: undefined, kind: "any" };
}
