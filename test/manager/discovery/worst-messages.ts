// Messages of DNS that take long to read for a decoder that follows each pointer of each name anew.

const HEADER_BYTES = 12;
/** A record of type NULL for the root's name, whose data nobody reads. */
const NULL_RECORD_BYTES = 11;

/**
 * `units` names of a label and a pointer to the one before, then `hops` pointers to pointers, then records of type PTR
 * whose name and data are pointers to the last.
 */
export function pointerChain(records: number, hops: number, units: number): Buffer {
  const start = HEADER_BYTES + NULL_RECORD_BYTES;
  const chain = Buffer.alloc(1 + 4 * units + 2 * hops);
  let target = start;
  let at = 1;
  for (let i = 0; i < units; i++, at += 4) {
    chain.write("\u0001a", at);
    chain.writeUInt16BE(0xc000 | target, at + 2);
    target = start + at;
  }
  for (let i = 0; i < hops; i++, at += 2) {
    chain.writeUInt16BE(0xc000 | target, at);
    target = start + at;
  }
  const head = Buffer.from(`000084000000${(1 + records).toString(16).padStart(4, "0")}00000000`, "hex");
  const first = Buffer.from(`00000a000100000000${chain.length.toString(16).padStart(4, "0")}`, "hex");
  const pointer = (0xc000 | target).toString(16);
  const record = Buffer.from(`${pointer}000c0001000000000002${pointer}`, "hex");
  return Buffer.concat([head, first, chain, ...Array<Buffer>(records).fill(record)]);
}
