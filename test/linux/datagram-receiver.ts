// A program of tests: a daemon with a Unix datagram socket at the path given, or `@NAME` of the abstract namespace. Prints
// `bound`, then each datagram as a line of JSON.
import { Scratch, sys } from "../../src/linux/libc.ts";
import { Syscall } from "../../src/linux/syscall-numbers.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MAX_DATAGRAM = 65_536;

function demand(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

const [name = ""] = process.argv.slice(2);
const room = new Scratch(MAX_DATAGRAM);
const isAbstract = name.startsWith("@");
room.view.setUint16(0, AF_UNIX, true);
const { written } = new TextEncoder().encodeInto(name, room.bytes.subarray(2));
if (isAbstract) room.bytes[2] = 0;
const socket = demand(sys(Syscall.socket, AF_UNIX, SOCK_DGRAM, 0));
demand(sys(Syscall.bind, socket, room.address, 2 + written + (isAbstract ? 0 : 1)));
await Bun.stdout.write("bound\n");
for (;;) {
  const length = demand(sys(Syscall.recvfrom, socket, room.address, MAX_DATAGRAM, 0, 0, 0));
  const text = new TextDecoder().decode(room.bytes.subarray(0, length));
  await Bun.stdout.write(`${JSON.stringify({ length, text })}\n`);
}
