// Reports of changes by other programs, from inotify(7): each once, and none for the server's own changes.
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
let reported: string[] = [];
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
  reported = [];
  warnings = [];
  maxWatches = 100;
  longestTimerMs = Number.POSITIVE_INFINITY;
  const below = (path: string): string => path.slice(base.length + 1);
  watcher = new DirectoryWatcher({
    sink: {
      report: (action, path, filter) => {
        const isDirectory = (filter & CompletionFilter.DIR_NAME) !== 0;
        reported.push(`${LETTERS[action]}${below(path)}${isDirectory ? "/" : ""}`);
      },
      reportRename: (from, to, isDirectory) =>
        void reported.push(`${below(from)}>${below(to)}${isDirectory ? "/" : ""}`),
      reportLoss: () => undefined,
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

/**
 * Makes a marker directory in the base directory, waits for its report and returns all reports but the
 * markers'.
 */
async function reportedUntilNow(): Promise<string[]> {
  const mark = `mark${performance.now()}`;
  mkdirSync(at(mark));
  await until(() => reported.includes(`+${mark}/`));
  return reported.filter((line) => !line.includes("mark"));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await Bun.sleep(10);
  if (!condition()) throw new Error(`timed out; reported: ${reported.join(" ")}`);
}

describe("a watched directory", () => {
  test("reports files that are created, changed and removed", async () => {
    watch("", false);
    writeFileSync(at("f"), "x");
    expect(await reportedUntilNow()).toEqual(["+f", "~f"]);
    appendFileSync(at("f"), "y");
    expect(await reportedUntilNow()).toEqual(["+f", "~f", "~f"]);
    chmodSync(at("f"), 0o600);
    linkSync(at("f"), at("g"));
    unlinkSync(at("f"));
    expect(await reportedUntilNow()).toEqual(["+f", "~f", "~f", "~f", "+g", "-f"]);
  });

  test("reports renames within it, into it and out of it", async () => {
    writeFileSync(at("a"), "");
    writeFileSync(join(outside, "b"), "");
    mkdirSync(at("d"));
    watch("", false);
    renameSync(at("a"), at("c"));
    renameSync(join(outside, "b"), at("b"));
    renameSync(at("c"), join(outside, "c"));
    renameSync(at("d"), at("e"));
    expect(await reportedUntilNow()).toEqual(["a>c", "+b", "-c", "d>e/"]);
  });

  test("reports no changes below its subdirectories", async () => {
    mkdirSync(at("d"));
    watch("", false);
    writeFileSync(at("d/f"), "x");
    expect(await reportedUntilNow()).toEqual([]);
    expect(watcher.watchCount).toBe(1);
  });

  test("reports names that are not UTF-8 as directory listings return them", async () => {
    watch("", false);
    writeFileSync(Buffer.concat([Buffer.from(`${base}/`), Buffer.from([0xff, 0xfe])]), "x");
    writeFileSync(at("after"), "");
    expect(await reportedUntilNow()).toEqual(["+\udcff\udcfe", "~\udcff\udcfe", "+after", "~after"]);
  });
});

describe("a recursive watch", () => {
  test("covers existing and new directories", async () => {
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => watcher.watchCount === 3);
    writeFileSync(at("a/b/f"), "");
    mkdirSync(at("a/b/c"));
    await until(() => watcher.watchCount === 4);
    mkdirSync(at("a/b/c/d"));
    expect(await reportedUntilNow()).toEqual(["+a/b/f", "~a/b/f", "+a/b/c/", "+a/b/c/d/"]);
  });

  test("reports entries made in a new directory before its watch, once", async () => {
    watch("", true);
    mkdirSync(at("a/b/c"), { recursive: true });
    writeFileSync(at("a/b/f"), "");
    const lines = await reportedUntilNow();
    expect(lines.filter((line) => line.startsWith("+")).sort()).toEqual([
      "+a/",
      "+a/b/",
      "+a/b/c/",
      "+a/b/f",
    ]);
  });

  test("follows a renamed directory, and ends for one that is moved out of the tree", async () => {
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => watcher.watchCount === 3);
    renameSync(at("a"), at("z"));
    writeFileSync(at("z/b/f"), "");
    expect(await reportedUntilNow()).toEqual(["a>z/", "+z/b/f", "~z/b/f"]);
    const before = watcher.watchCount;
    renameSync(at("z"), join(outside, "z"));
    await until(() => reported.includes("-z/"));
    writeFileSync(join(outside, "z/b/g"), "");
    expect((await reportedUntilNow()).at(-1)).toBe("-z/");
    // Two directories fewer; the second marker is one more.
    expect(watcher.watchCount).toBe(before - 1);
  });

  test("does not follow a symlink to a directory outside", async () => {
    mkdirSync(at("d"));
    watch("", true);
    symlinkSync(outside, at("link"));
    await until(() => reported.includes("+link"));
    writeFileSync(join(outside, "f"), "");
    expect(await reportedUntilNow()).toEqual(["+link"]);
  });

  test("ends with its request", async () => {
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
    expect(await reportedUntilNow()).toEqual([]);
  });

  test("stops at the limit and warns once", async () => {
    maxWatches = 2;
    mkdirSync(at("a/b"), { recursive: true });
    watch("", true);
    await until(() => warnings.length === 1);
    mkdirSync(at("c"));
    expect(await reportedUntilNow()).toEqual(["+c/"]);
    expect(watcher.watchCount).toBe(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("max notify watches");
  });
});

test("sub-folders of a recursive request leave an eighth of the limit to other folders", async () => {
  maxWatches = 8;
  for (let i = 0; i < 20; i++) mkdirSync(at(`tree/${i}`), { recursive: true });
  mkdirSync(at("other"));
  watch("tree", true);
  await until(() => warnings.length === 1);
  expect(watcher.watchCount).toBe(7);
  watch("other", false);
  expect(watcher.watchCount).toBe(8);
  writeFileSync(at("other/f"), "");
  await until(() => reported.includes("+other/f"));
});

describe("a change by the server itself", () => {
  test("is not reported, whatever events it causes", async () => {
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
    expect(await reportedUntilNow()).toEqual([]);
  });

  test("does not hide changes by other programs to the same name", async () => {
    watch("", false);
    writeFileSync(at("f"), "");
    watcher.expect(NotifyAction.ADDED, at("f"));
    watcher.expectClose(at("f"));
    unlinkSync(at("f"));
    mkdirSync(at("f"));
    expect(await reportedUntilNow()).toEqual(["-f", "+f/"]);
  });

  test("does not hide the same change by another program later", async () => {
    watch("", false);
    watcher.expect(NotifyAction.REMOVED, at("f"));
    watcher.expect(NotifyAction.MODIFIED, at("f"));
    writeFileSync(at("f"), "");
    await until(() => reported.includes("+f"));
    chmodSync(at("f"), 0o600);
    unlinkSync(at("f"));
    expect((await reportedUntilNow()).slice(-2)).toEqual(["~f", "-f"]);
  });

  test("that renames a watched directory keeps the watch under the new name", async () => {
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
    expect(await reportedUntilNow()).toEqual(["+d/e/before", "~d/e/before", "+z/e/after", "~z/e/after"]);
    watcher.remove(request);
    expect(watcher.watchCount).toBe(1);
  });

  test("is not reported even if there are more changes than can be expected at once", async () => {
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
    const lines = await reportedUntilNow();
    expect(lines).toEqual([]);
  });
});

describe("an operation that a worker carries out", () => {
  /** Ends a client's CREATE: expects its events, reports it, then ends the operation. */
  function created(name: string): void {
    watcher.expect(NotifyAction.ADDED, at(name));
    watcher.expectClose(at(name));
    reported.push(`ours ${name}`);
    watcher.end(at(name));
  }

  test("is reported once, before later events, if its event precedes the worker's answer", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "x");
    mkdirSync(at("d"));
    await Bun.sleep(60);
    expect(reported).toEqual([]);
    created("f");
    expect(reported).toEqual(["ours f", "+d/"]);
    expect(await reportedUntilNow()).toEqual(["ours f", "+d/"]);
  });

  test("is reported once if the worker's answer precedes its event", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "x");
    created("f");
    mkdirSync(at("d"));
    expect(await reportedUntilNow()).toEqual(["ours f", "+d/"]);
  });

  test("is reported once while another operation is still under way", async () => {
    watch("", false);
    watcher.begin(at("f"));
    watcher.begin(at("g"));
    writeFileSync(at("f"), "");
    writeFileSync(at("g"), "");
    await Bun.sleep(60);
    created("f");
    await Bun.sleep(60);
    created("g");
    expect(await reportedUntilNow()).toEqual(["ours f", "ours g"]);
  });

  test("that fails because another program was faster does not hide that program's change", async () => {
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "");
    await Bun.sleep(60);
    expect(reported).toEqual([]);
    watcher.end(at("f"));
    expect(await reportedUntilNow()).toEqual(["+f", "~f"]);
  });

  test("holds back both events of its rename", async () => {
    mkdirSync(at("d"));
    watch("", true);
    await until(() => watcher.watchCount === 2);
    for (const name of ["d", "e"]) watcher.begin(at(name));
    writeFileSync(at("d/before"), "");
    renameSync(at("d"), at("e"));
    writeFileSync(at("e/after"), "");
    await Bun.sleep(60);
    expect(reported).toEqual(["+d/before", "~d/before"]);
    watcher.expect(NotifyAction.RENAMED_OLD_NAME, at("d"));
    watcher.expect(NotifyAction.RENAMED_NEW_NAME, at("e"));
    watcher.moved(at("d"), at("e"));
    for (const name of ["d", "e"]) watcher.end(at(name));
    expect(await reportedUntilNow()).toEqual(["+d/before", "~d/before", "+e/after", "~e/after"]);
    expect(watcher.watchCount).toBe(3);
  });

  test("is reported once in a directory that another program has just created", async () => {
    watch("", true);
    mkdirSync(at("d"));
    watcher.begin(at("d/f"));
    writeFileSync(at("d/f"), "");
    await until(() => reported.includes("+d/"));
    created("d/f");
    mkdirSync(at("e"));
    writeFileSync(at("e/f"), "");
    watcher.expect(NotifyAction.ADDED, at("e/f"));
    expect((await reportedUntilNow()).filter((line) => !line.startsWith("~"))).toEqual([
      "+d/",
      "ours d/f",
      "+e/",
    ]);
  });

  test("that hangs delays the changes of other programs only for a limited time", async () => {
    longestTimerMs = 50;
    watch("", false);
    watcher.begin(at("f"));
    writeFileSync(at("f"), "");
    mkdirSync(at("d"));
    expect(await reportedUntilNow()).toEqual(["+f", "~f", "+d/"]);
    watcher.end(at("f"));
  });
});
