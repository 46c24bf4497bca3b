// The filter of system calls: its numbers are those of the headers, and its program decides as it says.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { callFilter, FORBIDDEN_CALLS, JUDGED_CALLS } from "../../src/linux/call-filter.ts";
import { architecture } from "../../src/linux/syscall-numbers.ts";
import { cMacros, hasCompiler } from "./c-headers.ts";

const all = { ...FORBIDDEN_CALLS, ...JUDGED_CALLS };
type Name = keyof typeof all;

const ALLOWED = 0x7fff_0000;
const KILLED = 0x8000_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const AUDIT = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;

/** What the kernel would do with the call: the part of classic BPF that the program uses. */
function judge(of: "x64" | "arm64", number: number, argument = 0, audit: number = AUDIT[of]): number {
  const program = callFilter(of, 4711);
  let value = 0;
  for (let at = 0; ; at++) {
    const step = program[at];
    if (step === undefined) throw new Error("the program runs out of its end");
    const { code, value: operand, whenFalse, whenTrue } = step;
    if (code === 0x06) return operand;
    if (code === 0x20) value = operand === 0 ? number : operand === 4 ? audit : argument;
    else if (code === 0x15) at += value === operand ? whenTrue : whenFalse;
    else if (code === 0x35) at += value >= operand ? whenTrue : whenFalse;
    else if (code === 0x45) at += (value & operand) !== 0 ? whenTrue : whenFalse;
    else throw new Error(`unknown instruction ${code}`);
  }
}

describe.each(["x64", "arm64"] as const)("on %s", (of) => {
  const numberOf = (name: Name): number => all[name][of === "x64" ? 0 : 1];

  test("files, programs, sockets and other processes are out of reach", () => {
    for (const name of Object.keys(FORBIDDEN_CALLS) as Name[])
      if (numberOf(name) >= 0) expect([name, judge(of, numberOf(name))]).toEqual([name, EPERM]);
  });

  test("what is open is used: read, write, epoll_pwait, accept4, futex, mmap", () => {
    const calls = of === "x64" ? [0, 1, 281, 288, 202, 9, 231] : [63, 64, 22, 242, 98, 222, 94];
    for (const number of calls) expect(judge(of, number)).toBe(ALLOWED);
  });

  test("clone makes threads alone, and clone3 is missing", () => {
    expect(judge(of, numberOf("clone"), 0x0001_0000 | 0x100)).toBe(ALLOWED);
    expect(judge(of, numberOf("clone"), 17)).toBe(EPERM);
    expect(judge(of, numberOf("clone3"))).toBe(ENOSYS);
  });

  test("signals go to the process itself alone", () => {
    for (const name of ["kill", "tgkill"] as const)
      expect([
        judge(of, numberOf(name), 4711),
        judge(of, numberOf(name), 1),
        judge(of, numberOf(name), 0),
      ]).toEqual([ALLOWED, EPERM, EPERM]);
  });

  test("calls of another architecture end the process", () => {
    for (const audit of [0x4000_0003, 0x4000_0028, AUDIT[of === "x64" ? "arm64" : "x64"]])
      expect(judge(of, 0, 0, audit)).toBe(KILLED);
  });
});

test("x86-64 has no second set of numbers", () => {
  expect(judge("x64", 0x4000_0000)).toBe(EPERM);
  expect(judge("x64", 0x4000_0000 + 520)).toBe(EPERM);
});

test.if(hasCompiler)("the numbers are those of the headers", () => {
  const here = cMacros("sys/syscall.h", []);
  const arm = cMacros("asm-generic/unistd.h", [
    "-D__BITS_PER_LONG=64",
    "-D__ARCH_WANT_RENAMEAT",
    "-D__ARCH_WANT_SYS_CLONE3",
  ]);
  const resolve = (macros: Map<string, string>, name: string): number => {
    const text = macros.get(`__NR_${name}`);
    return Number((text?.startsWith("__NR3264_") ? macros.get(text) : text) ?? -1);
  };
  for (const [name, [x64, arm64]] of Object.entries(all)) {
    expect([name, resolve(arm, name)]).toEqual([name, arm64]);
    if (architecture === "x64") expect([name, resolve(here, name)]).toEqual([name, x64]);
  }
});

test("a process that has it opens no file and starts no program, in no thread", () => {
  const source = join(import.meta.dir, "../../src/linux/call-filter.ts");
  const script = `
    import { readFileSync } from "node:fs";
    import { connect } from "node:net";
    import { forbidCalls } from ${JSON.stringify(source)};
    const worker = new Worker(URL.createObjectURL(new Blob(['onmessage = () => { try { require("fs").readFileSync("/etc/passwd"); postMessage("read"); } catch (e) { postMessage(e.code); } }'])));
    await new Promise((resolve) => { worker.addEventListener("open", resolve); });
    const result = forbidCalls();
    const codeOf = (work) => { try { work(); return "done"; } catch (error) { return error.code; } };
    const threads = await new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); worker.postMessage(1); });
    console.log(JSON.stringify([result, codeOf(() => readFileSync("/etc/passwd")), codeOf(() => Bun.spawnSync(["true"])), codeOf(() => process.kill(process.ppid, 0)), threads]));
    process.exit(0);
  `;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect(JSON.parse(child.stdout.toString())).toEqual([0, "EPERM", "EPERM", "EPERM", "EPERM"]);
});
