// Which part of an AppleDouble file a named stream is.
import { STREAM_PREFIX } from "./value-names.ts";

const TYPE = ":$DATA";
const AFP_INFO = "AFP_AfpInfo";
const AFP_FORK = "AFP_Resource";
// Clients send colons as this character; [MS-FSCC] 2.1.5.3 forbids them in the names of streams.
const MAPPED_COLON = "\uf022";
const MAX_NAME_BYTES = 127;
const encoder = new TextEncoder();

export type AppleValue =
  | { readonly kind: "info" }
  | { readonly kind: "fork" }
  | { readonly kind: "attribute"; readonly name: string };

/** The part that a stored stream would be; undefined for other values and for names too long for macOS. */
export function appleValueOf(key: string): AppleValue | undefined {
  if (!key.startsWith(STREAM_PREFIX)) return undefined;
  const bare = key.slice(STREAM_PREFIX.length);
  const name = bare.endsWith(TYPE) ? bare.slice(0, -TYPE.length) : bare;
  const upper = name.toUpperCase();
  if (upper === AFP_INFO.toUpperCase()) return { kind: "info" };
  if (upper === AFP_FORK.toUpperCase()) return { kind: "fork" };
  const onDisk = name.replaceAll(MAPPED_COLON, ":");
  const bytes = encoder.encode(onDisk).length;
  return bytes > 0 && bytes <= MAX_NAME_BYTES ? { kind: "attribute", name: onDisk } : undefined;
}

/** The named value of the stream that shows that part. */
export function keyOfAppleValue(value: AppleValue): string {
  const name = value.kind === "attribute" ? value.name : value.kind === "info" ? AFP_INFO : AFP_FORK;
  return STREAM_PREFIX + name + TYPE;
}
