// A process that replaces itself, which therefore is one of its own.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Errno } from "../../src/linux/errno.ts";
import { replaceProcess } from "../../src/linux/exec.ts";

const SOURCE = join(import.meta.dir, "../../src/linux/exec.ts");

test("the program runs in the same process, with those words and that environment, byte for byte", () => {
  const script = `
    import { replaceProcess } from ${JSON.stringify(SOURCE)};
    process.stdout.write(process.pid + "\\n");
    const words = Buffer.from('sh\\0-c\\0echo $$; printf "%s|%s|%s" "$0" "$1" "$A"\\0zero\\0\\xff\\0', "latin1");
    replaceProcess("/bin/sh", words, Buffer.from("A=\\xfe b\\0C=\\0", "latin1"));
    process.stdout.write("not replaced");
  `;
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, "-e", script]);
  const [before, after, said] = stdout.toString("latin1").split("\n");
  expect(exitCode).toBe(0);
  expect(after).toBe(before);
  expect(said).toBe("zero|\xff|\xfe b");
});

test("a program that is missing leaves the process as it is", () => {
  expect(replaceProcess("/nonexistent/program", Buffer.from("a\0"), Buffer.alloc(0))).toBe(-Errno.ENOENT);
});
