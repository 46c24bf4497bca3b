// Recursive watches while trees are made, moved and removed faster than the kernel's events are read: every name is
// reported, or its folder counts as lost. inotify(7).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryWatcher } from "../../../../src/engine/vfs/watch/directory-watcher.ts";
import { WatchedDirectories } from "../../../../src/engine/vfs/watch/watched-directories.ts";
import { CompletionFilter } from "../../../../src/wire/command/change-notify.ts";
import { NotifyAction } from "../../../../src/wire/fscc/notify.ts";

let base = "";
let reported: string[] = [];
/** Where changes were lost, "everywhere" for all. */
let losses: string[] = [];
let watcher: DirectoryWatcher;

const LETTERS: Record<number, string> = {
  [NotifyAction.ADDED]: "+",
  [NotifyAction.REMOVED]: "-",
  [NotifyAction.MODIFIED]: "~",
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "minismbd-watch-"));
  reported = [];
  losses = [];
  const below = (path: string): string => path.slice(base.length + 1);
  watcher = new DirectoryWatcher({
    sink: {
      report: (action, path, filter) => {
        const isDirectory = (filter & CompletionFilter.DIR_NAME) !== 0;
        reported.push(`${LETTERS[action]}${below(path)}${isDirectory ? "/" : ""}`);
      },
      reportRename: (from, to, isDirectory) =>
        void reported.push(`${below(from)}>${below(to)}${isDirectory ? "/" : ""}`),
      reportLoss: (path) => void losses.push(path === undefined ? "everywhere" : below(path)),
    },
    setTimer: (delayMs, run) => setTimeout(run, delayMs),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    maxWatches: () => 100,
    warn: () => undefined,
  });
});

afterEach(() => {
  watcher.close();
  rmSync(base, { recursive: true, force: true });
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

describe("a recursive watch", () => {
  test("reports what is in a directory that was renamed before it could be watched", async () => {
    watch("", true);
    mkdirSync(at("a/b"), { recursive: true });
    writeFileSync(at("a/f"), "");
    writeFileSync(at("a/b/g"), "");
    renameSync(at("a"), at("z"));
    expect((await reportedUntilNow()).filter((line) => !line.startsWith("~"))).toEqual([
      "+a/",
      "a>z/",
      ...["+z/f", "+z/b/", "+z/b/g"].sort((one, other) => reported.indexOf(one) - reported.indexOf(other)),
    ]);
    writeFileSync(at("z/b/later"), "");
    expect(await reportedUntilNow()).toContain("+z/b/later");
  });

  test("reports what is in a directory whose parent was renamed before it could be watched", async () => {
    mkdirSync(at("a"));
    watch("", true);
    await until(() => watcher.watchCount === 2);
    mkdirSync(at("a/b"));
    writeFileSync(at("a/b/f"), "");
    renameSync(at("a"), at("z"));
    expect(await reportedUntilNow()).toEqual(["+a/b/", "a>z/", "+z/b/f"]);
  });

  test("tells directories apart that had the same path before they could be watched", async () => {
    watch("", true);
    mkdirSync(at("a"));
    renameSync(at("a"), at("b"));
    mkdirSync(at("a"));
    writeFileSync(at("b/old"), "");
    const lines = await reportedUntilNow();
    expect(lines.includes("+b/old") || losses.includes("b")).toBe(true);
    expect(lines).not.toContain("+a/old");
    writeFileSync(at("b/f"), "");
    writeFileSync(at("a/g"), "");
    const later = await reportedUntilNow();
    expect(later).toContain("+b/f");
    expect(later).toContain("+a/g");
  });

  test("counts as lost what changes in a directory before the directory is watched", async () => {
    mkdirSync(at("a/b/c"), { recursive: true });
    await Bun.sleep(50);
    watch("", true);
    writeFileSync(at("a/b/c/f"), "");
    await until(() => watcher.watchCount === 4);
    expect(losses).toEqual(["a/b/c"]);
  });

  test("watches everything anew, and says that changes were lost, when the kernel's queue overflows", async () => {
    mkdirSync(at("a"));
    watch("", true);
    await until(() => watcher.watchCount === 2);
    const limit = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    for (const name of ["a/f", "a/g"]) writeFileSync(at(name), "");
    // By turns: the kernel merges equal events that follow each other.
    for (let i = 0; i < limit; i++) chmodSync(at(i % 2 === 0 ? "a/f" : "a/g"), i % 4 < 2 ? 0o600 : 0o644);
    // These events are dropped.
    renameSync(at("a"), at("z"));
    mkdirSync(at("a/b"), { recursive: true });
    await until(() => losses.includes("everywhere") && losses.includes(""));
    const before = reported.length;
    writeFileSync(at("z/new"), "");
    writeFileSync(at("a/b/new"), "");
    const lines = await reportedUntilNow();
    for (const line of ["+z/new", "+a/b/new"]) expect(lines).toContain(line);
    expect(lines.slice(before).filter((line) => line.startsWith("+a/new"))).toEqual([]);
  });
});

test("warns once for each reason why changes are missed", () => {
  const messages: string[] = [];
  const limits = { maxWatches: () => 0, warn: (text: string) => void messages.push(text) };
  const directories = new WatchedDirectories(0, limits, () => undefined);
  for (const kind of ["inotify queue", "inotify watch", "inotify queue"]) directories.warnOnce(kind, kind);
  directories.queue = 0;
  const reach = { path: base, followSymlinks: false, crossMounts: true };
  for (let i = 0; i < 2; i++) directories.watch(reach, base);
  expect(messages.map((text) => text.replace(/^.*: /, ""))).toEqual([
    "inotify queue",
    "inotify watch",
    "'max notify watches' is reached",
  ]);
});
