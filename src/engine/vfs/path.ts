// A name as a client sends it, taken apart: components and stream. Relative to the share's root, backslashes between
// components; [MS-FSCC] 2.1.5, [MS-SMB2] 2.2.13 and 3.3.5.9.
import { Status } from "../../wire/status.ts";

export interface ParsedPath {
  /** Empty for the share's root. */
  readonly components: readonly string[];
  /** The named stream; undefined for the file itself (`name::$DATA` too). */
  readonly stream: string | undefined;
  /** The attribute type after the second colon; `$DATA` unless the client said otherwise. */
  readonly streamType: "$DATA" | "$INDEX_ALLOCATION";
}

/** [MS-FSCC] 2.1.5: a component has at most 255 characters, a path 32,760 with the share; Windows counts 32,767. */
const MAX_COMPONENT_UNITS = 255;
const MAX_PATH_UNITS = 32_767;

// Control characters and the reserved ones, colon and backslash apart; [MS-FSCC] 2.1.5.2.
const forbidden = /[\u0000-\u001f"*/<>?|]/;

/**
 * Takes a name apart. Answers an NTSTATUS where the name is no name: INVALID_PARAMETER for a leading backslash,
 * OBJECT_NAME_INVALID for everything else.
 */
export function parsePath(name: string): ParsedPath | number {
  if (name.length > MAX_PATH_UNITS) return Status.OBJECT_NAME_INVALID;
  if (name.startsWith("\\")) return Status.INVALID_PARAMETER;
  if (forbidden.test(name)) return Status.OBJECT_NAME_INVALID;
  // A directory's name may end with one backslash.
  const plain = name.endsWith("\\") ? name.slice(0, -1) : name;
  const components = plain === "" ? [] : plain.split("\\");
  const last = components.at(-1) ?? "";
  let stream: string | undefined;
  let streamType: ParsedPath["streamType"] = "$DATA";
  if (last.includes(":")) {
    const parts = last.split(":");
    const type = parseType(parts[2]);
    if (parts.length > 3 || type === undefined) return Status.OBJECT_NAME_INVALID;
    stream = parts[1] ?? "";
    // `name:` names nothing; `name::$DATA` names the file.
    if (stream === "" && parts.length < 3) return Status.OBJECT_NAME_INVALID;
    if (stream.length > MAX_COMPONENT_UNITS) return Status.OBJECT_NAME_INVALID;
    streamType = type;
    if (stream === "" || isDirectoryStream(stream, type)) stream = undefined;
    const file = parts[0] ?? "";
    if (file === "" && components.length > 1) return Status.OBJECT_NAME_INVALID;
    if (file === "") components.pop();
    else components[components.length - 1] = file;
  }
  if (climbsOut(components)) return Status.OBJECT_PATH_SYNTAX_BAD;
  for (const component of components) {
    if (component === "" || component === "." || component === ".." || component.includes(":")) {
      return Status.OBJECT_NAME_INVALID;
    }
    if (component.length > MAX_COMPONENT_UNITS) return Status.OBJECT_NAME_INVALID;
  }
  return { components, stream, streamType };
}

// Clients resolve `..` themselves; a path that leads out of the share is told apart, as Windows does it.
function climbsOut(components: readonly string[]): boolean {
  let depth = 0;
  for (const component of components) {
    depth += component === ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

function parseType(text: string | undefined): ParsedPath["streamType"] | undefined {
  if (text === undefined) return "$DATA";
  const upper = text.toUpperCase();
  return upper === "$DATA" || upper === "$INDEX_ALLOCATION" ? upper : undefined;
}

/** `dir:$I30:$INDEX_ALLOCATION` is the directory itself; [MS-FSCC] 2.1.5.3. */
function isDirectoryStream(stream: string, type: ParsedPath["streamType"]): boolean {
  return type === "$INDEX_ALLOCATION" && stream.toUpperCase() === "$I30";
}
