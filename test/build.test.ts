// build.ts: the arguments it refuses, the pinned Bun, and that the executable reads no files of its start
// directory.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");

function build(...words: string[]) {
  const result = Bun.spawnSync([process.execPath, join(ROOT, "build.ts"), ...words], {
    stdout: "pipe",
    stderr: "pipe",
  });
  return { status: result.exitCode, err: result.stderr.toString() };
}

test.each([
  [
    ["--target", "windows-x64"],
    "'windows-x64' is not a target, write one of linux-x64, linux-x64-musl, linux-arm64",
  ],
  [["--target"], "'' is not a target"],
  [["--fast"], "'--fast' is unknown, write --all or --target NAME"],
])("%j fails with a one-line message", (words, message) => {
  const { status, err } = build(...words);
  expect(status).toBe(1);
  expect(err).toStartWith(`build: ${message}`);
  expect(err.split("\n")).toHaveLength(2);
});

test("Bun is pinned, and the lock file lists the executables of all targets", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  expect(devDependencies.bun).toBe(Bun.version);
  expect(devDependencies["bun-types"]).toBe(Bun.version);
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity?: string }>;
  };
  for (const name of ["x64", "x64-musl", "aarch64", "aarch64-musl"]) {
    const found = packages[`node_modules/@oven/bun-linux-${name}`];
    expect([found?.version, found?.integrity?.slice(0, 7)]).toEqual([Bun.version, "sha512-"]);
  }
});

test("the executable reads no files of the directory it is started in", () => {
  const executable = join(ROOT, "dist/minismbd");
  expect(existsSync(executable)).toBe(true);
  const directory = join(ROOT, "test/vectors/start-directory");
  // The .env and bunfig.toml there set a variable and load a module that exits with status 3.
  const result = Bun.spawnSync([executable, "version"], { cwd: directory, stdout: "pipe", stderr: "pipe" });
  expect([result.exitCode, result.stderr.toString()]).toEqual([0, ""]);
  expect(result.stdout.toString()).toStartWith("minismbd ");
});
