// Key tables, as kadmin, ktutil, msktutil and `net ads keytab` write them: the format of MIT Kerberos,
// version 0x502, big-endian. https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html

const VERSION = 0x0502;
/** One principal has a few keys; more than this is another file. */
export const MAX_KEYTAB_BYTES = 1024 * 1024;

export interface KeytabEntry {
  readonly realm: string;
  /** The parts of the principal's name: "cifs", "nas.example.org". */
  readonly principal: readonly string[];
  readonly kvno: number;
  readonly etype: number;
  readonly key: Uint8Array;
}

/** Throws an Error whose message says what is wrong with the file. */
export function decodeKeytab(bytes: Uint8Array): readonly KeytabEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 2 || view.getUint16(0) !== VERSION) throw new Error("is not a key table of version 5.2");
  const entries: KeytabEntry[] = [];
  for (let at = 2; at < bytes.length;) {
    if (at + 4 > bytes.length) throw new Error("is cut short");
    const size = view.getInt32(at);
    at += 4;
    const length = Math.abs(size);
    if (length > bytes.length - at) throw new Error("is cut short");
    // A negative size is a hole that a removed entry has left; zero ends the table.
    if (size === 0) break;
    if (size > 0) entries.push(decodeEntry(bytes.subarray(at, at + length)));
    at += length;
  }
  return entries;
}

function decodeEntry(bytes: Uint8Array): KeytabEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number): number => {
    const from = at;
    at += length;
    if (at > bytes.length) throw new Error("has an entry that is cut short");
    return from;
  };
  const counted = (): Uint8Array => {
    const length = view.getUint16(take(2));
    const from = take(length);
    return bytes.subarray(from, from + length);
  };
  const text = () => new TextDecoder().decode(counted());
  const parts = view.getUint16(take(2));
  const realm = text();
  const principal = Array.from({ length: Math.min(parts, bytes.length) }, text);
  take(8); // name type and time stamp
  const shortKvno = view.getUint8(take(1));
  const etype = view.getUint16(take(2));
  const key = counted().slice();
  // A number above 255 stands behind the key; zero there means that it does not.
  const kvno = bytes.length - at >= 4 ? view.getUint32(at) || shortKvno : shortKvno;
  return { realm, principal, kvno, etype, key };
}
