// Changes by other programs as the kernel tells of them, each once; what we did ourselves is not told again; inotify(7).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryWatcher } from "../../../../src/engine/vfs/watch/directory-watcher.ts";
import { CompletionFilter } from "../../../../src/wire/command/change-notify.ts";
import { NotifyAction } from "../../../../src/wire/fscc/notify.ts";

let base = "";
let outside = "";
let told: string[] = [];
let warnings: string[] = [];
let maxWatches = 100;
let longestTimerMs = Number.POSITIVE_INFINITY;
let watcher: DirectoryWatcher;

const LETTERS: Record<number, string> = {
  [NotifyAction.ADDED]: "+",
  [NotifyAction.REMOVED]: "-",
  [NotifyAction.MODIFIED]: "~",
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "minismbd-watch-"));
  outside = mkdtempSync(join(tmpdir(), "minismbd-outside-"));
  told = [];
  warnings = [];
  maxWatches = 100;
  longestTimerMs = Number.POSITIVE_INFINITY;
  const below = (path: string): string => path.slice(base.length + 1);
  watcher = new DirectoryWatcher({
    sink: {
      report: (action, path, filter) => {
        const isDirectory = (filter & CompletionFilter.DIR_NAME) !== 0;
        told.push(`${LETTERS[action]}${below(path)}${isDirectory ? "/" : ""}`);
      },
      reportRename: (from, to, isDirectory) =>
        void told.push(`${below(from)}>${below(to)}${isDirectory ? "/" : ""}`),
      reportLoss: () => void told.push("loss"),
    },
    setTimer: (delayMs, run) => setTimeout(run, Math.min(delayMs, longestTimerMs)),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    maxWatches: () => maxWatches,
    warn: (text) => void warnings.push(text),
  });
});

afterEach(() => {
  watcher.close();
  rmSync(base, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
});

function watch(name: string, isRecursive: boolean) {
  const reach = { path: base, followSymlinks: false, crossMounts: true };
  return watcher.add(reach, name === "" ? base : join(base, name), isRecursive);
}

const at = (name: string): string => join(base, name);

/** What was told, once a mark that is made now has been told of. The mark is a file in the base directory. */
async function toldUntilNow(): Promise<string[]> {
  const mark = `mark${performance.now()}`;
  mkdirSync(at(mark));
  await until(() => told.includes(`+${mark}/`));
  return told.filter((line) => !line.includes("mark"));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await Bun.sleep(10);
  if (!condition()) throw new Error(`not in time; told: ${told.join(" ")}`);
}

describe("a directory", () => {
  test("files that come, change and go", async () => {
    watch("", false);
    writeFileSync(at("f"), "x");
    expect(await toldUntilNow()).toEqual(["+f", "~f"]);
    appendFileSync(at("f"), "y");
    expect(await toldUntilNow()).toEqual(["+f", "~f", "~f"]);
    chmodSync(at("f"), 0o600);
    linkSync(at("f"), at("g"));
    unlinkSync(at("f"));
    expect(await toldUntilNow()).toEqual(["+f", "~f", "~f", "~f", "+g", "-f"]);
  });

  test("renames within it, into it and out of it", async () => {
    writeFileSync(at("a"), "");
    writeFileSync(join(outside, "b"), "");
    mkdirSync(at("d"));
    watch("", false);
    renameSync(at("a"), at("c"));
    renameSync(join(outside, "b"), at("b"));
    renameSync(at("c"), join(outside, "c"));
    renameSync(at("d"), at("e"));
    expect(await toldUntilNow()).toEqual(["a>c", "+b", "-c", "d>e/"]);
  });

  test("nothing of what is below a directory in it", async () => {
    mkdirSync(at("d"));
    watch("", false);
    writeFileSync(at("d/f"), "x");
    expect(await toldUntilNow()).toEqual([]);
    expect(watcher.watchCount).toBe(1);
  });

  test("names that are not UTF-8 are told as listings have them", async () => {
    watch("", false);
    writeFileSync(Buffer.concat([Buffer.from(`${base}/`), Buffer.from([0xff, 0xfe])]), "x");
    writeFileSync(at("after"), "");
    expect(await toldUntilNow()).toEqual(["+\udcff\udcfe", "~\udcff\udcfe", "+after", "~after"]);
  });
});

describe("a tree", () => {
  test("directories that are there and that come later", async () => {
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => watcher.watchCount === 3);
    writeFileSync(at("a/b/f"), "");
    mkdirSync(at("a/b/c"));
    await until(() => watcher.watchCount === 4);
    mkdirSync(at("a/b/c/d"));
    expect(await toldUntilNow()).toEqual(["+a/b/f", "~a/b/f", "+a/b/c/", "+a/b/c/d/"]);
  });

  test("what is in a new directory before it can be watched, once", async () => {
    watch("", true);
    mkdirSync(at("a/b/c"), { recursive: true });
    writeFileSync(at("a/b/f"), "");
    const lines = await toldUntilNow();
    expect(lines.filter((line) => line.startsWith("+")).sort()).toEqual([
      "+a/",
      "+a/b/",
      "+a/b/c/",
      "+a/b/f",
    ]);
  });

  test("a directory that is renamed is watched by its new name, one that leaves no more", async () => {
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => watcher.watchCount === 3);
    renameSync(at("a"), at("z"));
    writeFileSync(at("z/b/f"), "");
    expect(await toldUntilNow()).toEqual(["a>z/", "+z/b/f", "~z/b/f"]);
    const before = watcher.watchCount;
    renameSync(at("z"), join(outside, "z"));
    await until(() => told.includes("-z/"));
    writeFileSync(join(outside, "z/b/g"), "");
    expect((await toldUntilNow()).at(-1)).toBe("-z/");
    // Two directories less; the second mark is one more.
    expect(watcher.watchCount).toBe(before - 1);
  });

  test("a link to a directory elsewhere is not followed", async () => {
    mkdirSync(at("d"));
    watch("", true);
    symlinkSync(outside, at("link"));
    await until(() => told.includes("+link"));
    writeFileSync(join(outside, "f"), "");
    expect(await toldUntilNow()).toEqual(["+link"]);
  });

  test("watches end with who asked for them", async () => {
    mkdirSync(at("a/b"), { recursive: true });
    const tree = watch("", true);
    const inner = watch("a", false);
    await until(() => watcher.watchCount === 3);
    watcher.remove(tree);
    expect(watcher.watchCount).toBe(1);
    watcher.remove(inner);
    expect(watcher.watchCount).toBe(0);
    writeFileSync(at("f"), "");
    watch("", false);
    expect(await toldUntilNow()).toEqual([]);
  });

  test("at the limit the rest is not watched, and that is said once", async () => {
    maxWatches = 2;
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => warnings.length === 1);
    mkdirSync(at("c"));
    expect(await toldUntilNow()).toEqual(["+c/"]);
    expect(watcher.watchCount).toBe(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("max notify watches");
  });
});

describe("what we did ourselves", () => {
  test("is not told, whatever events it causes", async () => {
    watch("", false);
    writeFileSync(at("f"), "x");
    chmodSync(at("f"), 0o600);
    watcher.expect(NotifyAction.ADDED, at("f"));
    watcher.expectClose(at("f"));
    renameSync(at("f"), at("g"));
    watcher.expect(NotifyAction.RENAMED_OLD_NAME, at("f"));
    watcher.expect(NotifyAction.RENAMED_NEW_NAME, at("g"));
    chmodSync(at("g"), 0o644);
    watcher.expect(NotifyAction.MODIFIED, at("g"));
    unlinkSync(at("g"));
    watcher.expect(NotifyAction.REMOVED, at("g"));
    expect(await toldUntilNow()).toEqual([]);
  });

  test("is told apart from what others do with the same names", async () => {
    watch("", false);
    writeFileSync(at("f"), "");
    watcher.expect(NotifyAction.ADDED, at("f"));
    watcher.expectClose(at("f"));
    unlinkSync(at("f"));
    mkdirSync(at("f"));
    expect(await toldUntilNow()).toEqual(["-f", "+f/"]);
  });

  test("is expected for a moment only: the same change by another program, later, is told", async () => {
    watch("", false);
    watcher.expect(NotifyAction.REMOVED, at("f"));
    watcher.expect(NotifyAction.MODIFIED, at("f"));
    writeFileSync(at("f"), "");
    await until(() => told.includes("+f"));
    chmodSync(at("f"), 0o600);
    unlinkSync(at("f"));
    expect((await toldUntilNow()).slice(-2)).toEqual(["~f", "-f"]);
  });

  test("a watched directory that we rename is watched by its new name", async () => {
    mkdirSync(at("d/e"), { recursive: true });
    const request = watch("d", true);
    watch("", false);
    await until(() => watcher.watchCount === 3);
    writeFileSync(at("d/e/before"), "");
    renameSync(at("d"), at("z"));
    watcher.expect(NotifyAction.RENAMED_OLD_NAME, at("d"));
    watcher.expect(NotifyAction.RENAMED_NEW_NAME, at("z"));
    watcher.moved(at("d"), at("z"));
    writeFileSync(at("z/e/after"), "");
    expect(await toldUntilNow()).toEqual(["+d/e/before", "~d/e/before", "+z/e/after", "~z/e/after"]);
    watcher.remove(request);
    expect(watcher.watchCount).toBe(1);
  });

  test("more of it than is remembered at once is still not told", async () => {
    watch("", false);
    for (let i = 0; i < 1000; i++) {
      mkdirSync(at("d"));
      watcher.expect(NotifyAction.ADDED, at("d"));
      rmSync(at("d"), { recursive: true });
      watcher.expect(NotifyAction.REMOVED, at("d"));
      await undefined;
    }
    for (let i = 0; i < 2000; i++) {
      writeFileSync(at(`f${i}`), "");
      watcher.expect(NotifyAction.ADDED, at(`f${i}`));
      watcher.expectClose(at(`f${i}`));
      await undefined;
    }
    const lines = await toldUntilNow();
    expect(lines.filter((line) => line !== "loss")).toEqual([]);
  });
});

describe("an operation of ours that a worker makes", () => {
  /** As a client's CREATE ends: told of by us, then the kernel may go on. */
  function created(name: string): void {
    watcher.expect(NotifyAction.ADDED, at(name));
    watcher.expectClose(at(name));
    told.push(`ours ${name}`);
    watcher.end(at(name));
  }

  test("the kernel's event first, then the answer: told once, and what came after it later", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "x");
    mkdirSync(at("d"));
    await Bun.sleep(60);
    expect(told).toEqual([]);
    created("f");
    expect(told).toEqual(["ours f", "+d/"]);
    expect(await toldUntilNow()).toEqual(["ours f", "+d/"]);
  });

  test("the answer first, then the kernel's event: told once", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "x");
    created("f");
    mkdirSync(at("d"));
    expect(await toldUntilNow()).toEqual(["ours f", "+d/"]);
  });

  test("the event is read with the answer of one operation, while another goes on", async () => {
    watch("", false);
    watcher.begin(at("f"));
    watcher.begin(at("g"));
    writeFileSync(at("f"), "");
    writeFileSync(at("g"), "");
    await Bun.sleep(60);
    created("f");
    await Bun.sleep(60);
    created("g");
    expect(await toldUntilNow()).toEqual(["ours f", "ours g"]);
  });

  test("one that fails because another program was faster: the other's is told", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "");
    await Bun.sleep(60);
    expect(told).toEqual([]);
    watcher.end(at("f"));
    expect(await toldUntilNow()).toEqual(["+f", "~f"]);
  });

  test("a rename: both halves wait", async () => {
    mkdirSync(at("d"));
    watch("", true);
    await until(() => watcher.watchCount === 2);
    for (const name of ["d", "e"]) watcher.begin(at(name));
    writeFileSync(at("d/before"), "");
    renameSync(at("d"), at("e"));
    writeFileSync(at("e/after"), "");
    await Bun.sleep(60);
    expect(told).toEqual(["+d/before", "~d/before"]);
    watcher.expect(NotifyAction.RENAMED_OLD_NAME, at("d"));
    watcher.expect(NotifyAction.RENAMED_NEW_NAME, at("e"));
    watcher.moved(at("d"), at("e"));
    for (const name of ["d", "e"]) watcher.end(at(name));
    expect(await toldUntilNow()).toEqual(["+d/before", "~d/before", "+e/after", "~e/after"]);
    expect(watcher.watchCount).toBe(3);
  });

  test("in a directory that another program has only just made: told once", async () => {
    watch("", true);
    mkdirSync(at("d"));
    watcher.begin(at("d/f"));
    writeFileSync(at("d/f"), "");
    await until(() => told.includes("+d/"));
    created("d/f");
    mkdirSync(at("e"));
    writeFileSync(at("e/f"), "");
    watcher.expect(NotifyAction.ADDED, at("e/f"));
    expect((await toldUntilNow()).filter((line) => !line.startsWith("~"))).toEqual([
      "+d/",
      "ours d/f",
      "+e/",
    ]);
  });

  test("one that hangs does not keep the others' changes for ever", async () => {
    longestTimerMs = 50;
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "");
    mkdirSync(at("d"));
    expect(await toldUntilNow()).toEqual(["+f", "~f", "+d/"]);
    watcher.end(at("f"));
  });
});
