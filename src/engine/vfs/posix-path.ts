// A name as a client with the POSIX extensions sends it: every character but NUL and the separator is an ordinary one.
import { Status } from "../../wire/status.ts";
import type { ParsedPath } from "./path.ts";

const MAX_PATH_UNITS = 32_767;

/**
 * Takes a name apart, or answers an NTSTATUS. Linux's client separates by slashes, and a backslash beside one is part
 * of a name; without any slash it separates, as [MS-FSCC] 2.1.5 has it.
 */
export function parsePosixPath(name: string): ParsedPath | number {
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
