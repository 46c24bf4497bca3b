// The server's own threads: the paths by which they are started.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const SRC = new URL("../../src/", import.meta.url).pathname;

test("every worker's file is started by its path, and no path names another file", () => {
  const sources = [...new Bun.Glob("**/*.ts").scanSync(SRC)];
  const started = sources.flatMap((path) =>
    [...readFileSync(SRC + path, "utf8").matchAll(/"([\w/-]+-worker\.ts)"/g)].map(([, file]) => file),
  );
  const workers = sources.filter((path) => path.endsWith("-worker.ts"));
  expect([...new Set(started)].toSorted()).toEqual(workers.toSorted());
});
