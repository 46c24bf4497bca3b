// Evaluates C expressions with the system's headers, by compiling and running a small program.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether gcc compiles for the architecture that the tests run on; false under emulation. */
export const hasCompiler = compilerMachine().startsWith(process.arch === "arm64" ? "aarch64" : "x86_64");

function compilerMachine(): string {
  if (Bun.which("gcc") === null) return "";
  return spawnSync("gcc", ["-dumpmachine"], { encoding: "utf8" }).stdout;
}

/** The values of integer expressions. Throws an Error with gcc's output when they do not compile. */
export function cValues(includes: readonly string[], expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), "minismbd-c-"));
  try {
    const lines = [
      "#define _GNU_SOURCE",
      "#include <stdio.h>",
      "#include <stddef.h>",
      ...includes.map((name) => `#include <${name}>`),
      "int main(void) {",
      ...expressions.map((expression) => `printf("%lld\\n", (long long)(${expression}));`),
      "return 0; }",
    ];
    writeFileSync(join(folder, "v.c"), lines.join("\n"));
    const built = spawnSync("gcc", ["-o", join(folder, "v"), join(folder, "v.c")], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
    const run = spawnSync(join(folder, "v"), { encoding: "utf8" });
    return run.stdout.trim().split("\n").map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The macros that a header defines, name to text; `flags` are passed to the preprocessor. */
export function cMacros(header: string, flags: readonly string[]): Map<string, string> {
  const run = spawnSync("gcc", ["-E", "-dM", "-x", "c", ...flags, "-"], {
    encoding: "utf8",
    input: `#include <${header}>\n`,
  });
  const macros = new Map<string, string>();
  for (const match of run.stdout.matchAll(/^#define (\w+) (.+)$/gm))
    macros.set(match[1] ?? "", match[2] ?? "");
  return macros;
}
