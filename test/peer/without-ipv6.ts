// Runs a program as in a kernel without IPv6: socket(AF_INET6, …) fails with EAFNOSUPPORT, by a seccomp(2) filter.
// Usage: bun without-ipv6.ts PROGRAM [ARGUMENT]...
import { Errno } from "../../src/linux/errno.ts";
import { addressOf, cString, sys } from "../../src/linux/libc.ts";

const isArm = process.arch === "arm64";
const PRCTL = isArm ? 167 : 157;
const EXECVE = isArm ? 221 : 59;
const SOCKET = isArm ? 198 : 41;
const AF_INET6 = 10;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
// BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K of linux/bpf_common.h.
const [LOAD, EQUALS, RETURN] = [0x20, 0x15, 0x06] as const;

/** struct sock_filter: code, instructions to skip if true and if false, operand. */
const FILTER: readonly (readonly [number, number, number, number])[] = [
  [LOAD, 0, 0, 0], // seccomp_data.nr
  [EQUALS, 0, 3, SOCKET],
  [LOAD, 0, 0, 16], // seccomp_data.args[0]
  [EQUALS, 0, 1, AF_INET6],
  [RETURN, 0, 0, SECCOMP_RET_ERRNO | Errno.EAFNOSUPPORT],
  [RETURN, 0, 0, SECCOMP_RET_ALLOW],
];

function demand(what: string, result: number): void {
  if (result < 0) throw new Error(`${what}: errno ${-result}`);
}

const code = new Uint8Array(FILTER.length * 8);
const view = new DataView(code.buffer);
for (const [index, [operation, ifTrue, ifFalse, operand]] of FILTER.entries()) {
  view.setUint16(index * 8, operation, true);
  view.setUint8(index * 8 + 2, ifTrue);
  view.setUint8(index * 8 + 3, ifFalse);
  view.setUint32(index * 8 + 4, operand, true);
}
const program = new BigUint64Array([BigInt(FILTER.length), BigInt(addressOf(code))]);

/** A NULL-terminated array of C strings; `kept` keeps their memory. */
const kept: Uint8Array[] = [];
function strings(texts: readonly string[]): BigUint64Array {
  const bytes = texts.map((text) => new TextEncoder().encode(`${text}\0`));
  kept.push(...bytes);
  return new BigUint64Array([...bytes.map((text) => BigInt(addressOf(text))), 0n]);
}

const argv = strings(process.argv.slice(2));
const env = strings(Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`));
const addressOfArray = (array: BigUint64Array): number => addressOf(new Uint8Array(array.buffer));
demand("PR_SET_NO_NEW_PRIVS", sys(PRCTL, PR_SET_NO_NEW_PRIVS, 1));
demand("seccomp", sys(PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addressOfArray(program)));
demand("execve", sys(EXECVE, cString(process.argv[2] ?? ""), addressOfArray(argv), addressOfArray(env)));
