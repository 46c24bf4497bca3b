// Runs a program as in a smaller kernel, by a seccomp(2) filter: system calls that it lacks fail with ENOSYS, those of
// extended attributes with EOPNOTSUPP, and socket(AF_INET6, …) with EAFNOSUPPORT.
// Usage: bun without-calls.ts ipv6|CALL[,CALL…] PROGRAM [ARGUMENT]...
import { Errno } from "../../src/linux/errno.ts";
import { addressOf, cString, sys } from "../../src/linux/libc.ts";
import { Syscall, type SyscallName } from "../../src/linux/syscall-numbers.ts";

const isArm = process.arch === "arm64";
const PRCTL = isArm ? 167 : 157;
const EXECVE = isArm ? 221 : 59;
const AF_INET6 = 10;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
// BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K of linux/bpf_common.h.
const [LOAD, EQUALS, RETURN] = [0x20, 0x15, 0x06] as const;

/** Calls that minismbd does not make itself; its runtime may. */
const OTHERS: Readonly<Record<string, number>> = {
  io_uring_setup: 425,
  timerfd_create: isArm ? 85 : 283,
  memfd_create: isArm ? 279 : 319,
  epoll_pwait2: 441,
  eventfd2: isArm ? 19 : 290,
  pidfd_open: 434,
  getrandom: isArm ? 278 : 318,
  membarrier: isArm ? 283 : 324,
  clone3: 435,
};

/** struct sock_filter: code, instructions to skip if true and if false, operand. */
type Instruction = readonly [number, number, number, number];

function demand(what: string, result: number): void {
  if (result < 0) throw new Error(`${what}: errno ${-result}`);
}

function numberOf(name: string): number {
  const number = (Syscall as Readonly<Record<string, number>>)[name] ?? OTHERS[name];
  if (number === undefined) throw new Error(`${name}: not in the tables of system calls`);
  return number;
}

function instructionsFor(name: string): Instruction[] {
  if (name === "ipv6") {
    return [
      [EQUALS, 0, 4, Syscall.socket satisfies (typeof Syscall)[SyscallName]],
      [LOAD, 0, 0, 16], // seccomp_data.args[0]
      [EQUALS, 0, 1, AF_INET6],
      [RETURN, 0, 0, SECCOMP_RET_ERRNO | Errno.EAFNOSUPPORT],
      [LOAD, 0, 0, 0],
    ];
  }
  const errno = name.endsWith("xattr") ? Errno.EOPNOTSUPP : Errno.ENOSYS;
  return [
    [EQUALS, 0, 1, numberOf(name)],
    [RETURN, 0, 0, SECCOMP_RET_ERRNO | errno],
  ];
}

function encode(filter: readonly Instruction[]): Uint8Array {
  const code = new Uint8Array(filter.length * 8);
  const view = new DataView(code.buffer);
  for (const [index, [operation, ifTrue, ifFalse, operand]] of filter.entries()) {
    view.setUint16(index * 8, operation, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, operand, true);
  }
  return code;
}

/** A NULL-terminated array of C strings; `kept` keeps their memory. */
const kept: Uint8Array[] = [];
function strings(texts: readonly string[]): BigUint64Array {
  const bytes = texts.map((text) => new TextEncoder().encode(`${text}\0`));
  kept.push(...bytes);
  return new BigUint64Array([...bytes.map((text) => BigInt(addressOf(text))), 0n]);
}

const [, , names = "", ...words] = process.argv;
const filter: Instruction[] = [
  [LOAD, 0, 0, 0], // seccomp_data.nr
  ...names.split(",").flatMap(instructionsFor),
  [RETURN, 0, 0, SECCOMP_RET_ALLOW],
];
const code = encode(filter);
const program = new BigUint64Array([BigInt(filter.length), BigInt(addressOf(code))]);
const argv = strings(words);
const env = strings(Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`));
const addressOfArray = (array: BigUint64Array): number => addressOf(new Uint8Array(array.buffer));
demand("PR_SET_NO_NEW_PRIVS", sys(PRCTL, PR_SET_NO_NEW_PRIVS, 1));
demand("seccomp", sys(PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addressOfArray(program)));
demand("execve", sys(EXECVE, cString(words[0] ?? ""), addressOfArray(argv), addressOfArray(env)));
