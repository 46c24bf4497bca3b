// The table of directory watches: which watches a change reaches, what is kept, and how waiting requests end.
// Expectations: [MS-SMB2] 3.3.5.19, [MS-FSA] 2.1.4.1, 2.1.5.11.1, [MS-FSCC] 2.7.1; smbtorture's smb2.notify.
import { describe, expect, test } from "bun:test";
import {
  type LocalChanges,
  NotifyTable,
  nameFilter,
  type WaitingRequest,
  type WatchTerms,
} from "../../../src/engine/state/notify.ts";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import { type Change, NotifyAction } from "../../../src/wire/fscc/notify.ts";
import { Status } from "../../../src/wire/status.ts";

const FILE = nameFilter(false);
const DIRECTORY = nameFilter(true);
const NAMES = FILE | DIRECTORY;

interface Answered extends WaitingRequest {
  answer: { status: number; changes: string[] } | undefined;
}

const LETTERS: Record<number, string> = {
  [NotifyAction.ADDED]: "+",
  [NotifyAction.REMOVED]: "-",
  [NotifyAction.MODIFIED]: "~",
  [NotifyAction.RENAMED_OLD_NAME]: "<",
  [NotifyAction.RENAMED_NEW_NAME]: ">",
};

function waiting(outputBytes = 1000): Answered {
  const request: Answered = {
    outputBytes,
    answer: undefined,
    finish: (status: number, changes: readonly Change[]) => {
      expect(request.answer).toBeUndefined();
      request.answer = { status, changes: changes.map(({ action, name }) => `${LETTERS[action]}${name}`) };
    },
  };
  return request;
}

let ended = 0;

function watch(table: NotifyTable, path: string, terms: Partial<WatchTerms> = {}): object {
  const owner = {};
  table.add(owner, {
    directory: { path },
    isRecursive: false,
    filter: NAMES,
    outputBytes: 1000,
    nameOf: (name) => name.replaceAll("/", "\\"),
    mayLearn: () => true,
    ended: () => void ended++,
    ...terms,
  });
  return owner;
}

function ask(table: NotifyTable, owner: object, outputBytes?: number): Answered {
  const request = waiting(outputBytes);
  table.request(owner, request);
  return request;
}

const SUCCESS = (...changes: string[]) => ({ status: Status.SUCCESS, changes });
const NOTHING = (status: number) => ({ status, changes: [] });

describe("a change is reported to", () => {
  test("the watch on the parent by its name, a recursive one above by its path, and no other", () => {
    const table = new NotifyTable();
    const parent = watch(table, "/srv/a/b");
    const recursive = watch(table, "/srv", { isRecursive: true });
    const flat = watch(table, "/srv/a");
    const sibling = watch(table, "/srv/a/bb", { isRecursive: true });
    table.changed(NotifyAction.ADDED, "/srv/a/b/c", FILE);
    expect(ask(table, parent).answer).toEqual(SUCCESS("+c"));
    expect(ask(table, recursive).answer).toEqual(SUCCESS("+a\\b\\c"));
    expect(ask(table, flat).answer).toBeUndefined();
    expect(ask(table, sibling).answer).toBeUndefined();
  });

  test("no watch on the changed directory itself", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv/a", { isRecursive: true, filter: CompletionFilter.ATTRIBUTES });
    table.changed(NotifyAction.MODIFIED, "/srv/a", CompletionFilter.ATTRIBUTES);
    expect(table.hasChanges(owner)).toBe(false);
  });

  test("watches whose first request has it in the completion filter", () => {
    const table = new NotifyTable();
    const files = watch(table, "/srv", { filter: FILE });
    const both = watch(table, "/srv", { filter: CompletionFilter.SIZE | CompletionFilter.DIR_NAME });
    table.changed(NotifyAction.ADDED, "/srv/d", DIRECTORY);
    table.changed(NotifyAction.ADDED, "/srv/f", FILE);
    table.changed(NotifyAction.MODIFIED, "/srv/f", CompletionFilter.SIZE | CompletionFilter.LAST_WRITE);
    expect(ask(table, files).answer).toEqual(SUCCESS("+f"));
    expect(ask(table, both).answer).toEqual(SUCCESS("+d", "~f"));
  });

  test("a watch on the root directory of the file system", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/");
    table.changed(NotifyAction.ADDED, "//etc", DIRECTORY);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+etc"));
  });

  test("no client that must not see the name", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { mayLearn: (name) => name !== "secret" });
    table.changed(NotifyAction.ADDED, "/srv/secret", FILE);
    expect(table.hasChanges(owner)).toBe(false);
    table.changed(NotifyAction.ADDED, "/srv/open", FILE);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+open"));
  });
});

describe("renames", () => {
  test("within a directory gives the old and the new name in one response", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    const request = ask(table, owner);
    table.renamed("/srv/a", "/srv/b", false);
    expect(request.answer).toEqual(SUCCESS("<a", ">b"));
  });

  test("to another directory gives REMOVED there and ADDED here", () => {
    const table = new NotifyTable();
    const above = watch(table, "/srv", { isRecursive: true });
    const from = watch(table, "/srv/x");
    const to = watch(table, "/srv/y");
    table.renamed("/srv/x/a", "/srv/y/b", false);
    expect(ask(table, from).answer).toEqual(SUCCESS("-a"));
    expect(ask(table, to).answer).toEqual(SUCCESS("+b"));
    expect(ask(table, above).answer).toEqual(SUCCESS("-x\\a", "+y\\b"));
  });

  test("between directories whose paths have the same length is no rename within a directory", () => {
    const table = new NotifyTable();
    const from = watch(table, "/srv/x");
    table.renamed("/srv/x/a", "/srv/y/a", false);
    expect(ask(table, from).answer).toEqual(SUCCESS("-a"));
  });

  test("of a watched directory continues the watch under the new name", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv/old");
    const other = watch(table, "/srv/older");
    table.renamed("/srv/old", "/srv/new", true);
    table.changed(NotifyAction.ADDED, "/srv/new/f", FILE);
    table.changed(NotifyAction.ADDED, "/srv/older/g", FILE);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+f"));
    expect(ask(table, other).answer).toEqual(SUCCESS("+g"));
    table.remove(owner);
    table.changed(NotifyAction.ADDED, "/srv/new/h", FILE);
    expect(table.count).toBe(1);
  });

  test("a hard link that replaces a file", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.linked("/srv/a", false);
    table.linked("/srv/b", true);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+a", "-b", "+b"));
  });
});

describe("kept changes", () => {
  test("are all those between two requests, in order, equal ones too", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    for (let round = 0; round < 2; round++) {
      table.changed(NotifyAction.ADDED, "/srv/d", DIRECTORY);
      table.changed(NotifyAction.REMOVED, "/srv/d", DIRECTORY);
    }
    table.changed(NotifyAction.REMOVED, "/srv/d", DIRECTORY);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+d", "-d", "+d", "-d", "-d"));
    expect(ask(table, owner).answer).toBeUndefined();
  });

  test("are limited to OutputBufferLength of the first request; more is reported once as an overflow", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { outputBytes: 100 });
    for (let i = 0; i < 10; i++) table.changed(NotifyAction.ADDED, `/srv/f${i}`, FILE);
    expect(ask(table, owner, 100_000).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    table.changed(NotifyAction.ADDED, "/srv/g", FILE);
    expect(ask(table, owner, 100_000).answer).toEqual(SUCCESS("+g"));
  });

  test("are counted with padding to four bytes, and the last one may fill the buffer", () => {
    const table = new NotifyTable();
    // 12 + 2 * 3 = 18, padded to 20, and 18 again.
    const owner = watch(table, "/srv", { outputBytes: 38 });
    table.changed(NotifyAction.ADDED, "/srv/abc", FILE);
    table.changed(NotifyAction.ADDED, "/srv/def", FILE);
    expect(ask(table, owner, 38).answer).toEqual(SUCCESS("+abc", "+def"));
    const tight = watch(table, "/srv", { outputBytes: 37 });
    table.changed(NotifyAction.ADDED, "/srv/abc", FILE);
    table.changed(NotifyAction.ADDED, "/srv/def", FILE);
    expect(ask(table, tight, 38).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });

  test("that do not fit into a request's buffer are an overflow, and are dropped", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.changed(NotifyAction.ADDED, "/srv/abc", FILE);
    expect(ask(table, owner, 8).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    expect(ask(table, owner).answer).toBeUndefined();
  });

  test("are none after a first request with OutputBufferLength 0: all that follow overflow", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { outputBytes: 1 });
    const first = ask(table, owner, 1);
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(first.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    const second = ask(table, owner, 1000);
    table.changed(NotifyAction.ADDED, "/srv/b", FILE);
    expect(second.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });

  test("are limited to 64 KiB for a watch and 4 MiB for all watches", () => {
    const table = new NotifyTable();
    const name = "n".repeat(250);
    const owners = Array.from({ length: 100 }, () => watch(table, "/srv", { outputBytes: 1 << 23 }));
    for (let i = 0; i < 120; i++) table.changed(NotifyAction.ADDED, `/srv/${name}`, FILE);
    const statuses = owners.map((owner) => ask(table, owner, 1 << 23).answer?.status);
    const kept = statuses.filter((status) => status === Status.SUCCESS).length;
    expect(kept).toBe(Math.floor((4 << 20) / (120 * 512)));
    const one = watch(table, "/srv", { outputBytes: 1 << 23 });
    for (let i = 0; i < 129; i++) table.changed(NotifyAction.ADDED, `/srv/${name}`, FILE);
    expect(ask(table, one, 1 << 23).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });

  test("after lost events every watch overflows (STATUS_NOTIFY_ENUM_DIR)", () => {
    const table = new NotifyTable();
    const waits = watch(table, "/srv/a");
    const later = watch(table, "/srv/b");
    const request = ask(table, waits);
    table.reportLoss();
    expect(request.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    expect(ask(table, later).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });
});

describe("waiting requests", () => {
  test("of one open are answered in order, one for each change", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    const first = ask(table, owner);
    const second = ask(table, owner);
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(first.answer).toEqual(SUCCESS("+a"));
    expect(second.answer).toBeUndefined();
    table.changed(NotifyAction.ADDED, "/srv/b", FILE);
    expect(second.answer).toEqual(SUCCESS("+b"));
  });

  test("a cancelled one is answered once, and the next change goes to the next one", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    const first = ask(table, owner);
    const second = ask(table, owner);
    table.cancel(owner, first);
    table.cancel(owner, first);
    expect(first.answer).toEqual(NOTHING(Status.CANCELLED));
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(second.answer).toEqual(SUCCESS("+a"));
  });

  test("changes after a cancellation are kept for the next request", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.cancel(owner, ask(table, owner));
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+a"));
  });

  test("the close of the open ends them and the watch", () => {
    const table = new NotifyTable();
    ended = 0;
    const owner = watch(table, "/srv");
    const requests = [ask(table, owner), ask(table, owner)];
    expect(table.remove(owner)).toBe(true);
    for (const { answer } of requests) expect(answer).toEqual(NOTHING(Status.NOTIFY_CLEANUP));
    expect(table.remove(owner)).toBe(false);
    expect([table.count, ended]).toEqual([0, 1]);
    expect(ask(table, owner).answer).toEqual(NOTHING(Status.NOTIFY_CLEANUP));
  });

  test("a delete-pending directory ends those of all its opens, and no others", () => {
    const table = new NotifyTable();
    const directory = { path: "/srv/d" };
    const gone = ask(table, watch(table, "/srv/d", { directory }));
    const alsoGone = ask(table, watch(table, "/srv/d", { directory }));
    const parent = ask(table, watch(table, "/srv"));
    table.deletePending(directory);
    expect([gone.answer, alsoGone.answer]).toEqual([
      NOTHING(Status.DELETE_PENDING),
      NOTHING(Status.DELETE_PENDING),
    ]);
    table.changed(NotifyAction.REMOVED, "/srv/d", DIRECTORY);
    expect(parent.answer).toEqual(SUCCESS("-d"));
  });
});

test("the server's changes are announced to the watcher of local changes, while there is a watch", () => {
  const announced: string[] = [];
  const local: LocalChanges = {
    expect: (action, path) => void announced.push(`${LETTERS[action]}${path}`),
    moved: (from, to) => void announced.push(`${from}>${to}`),
    expectClose: (path) => void announced.push(`close ${path}`),
    begin: (path) => void announced.push(`begin ${path}`),
    end: (path) => void announced.push(`end ${path}`),
  };
  const table = new NotifyTable();
  table.local = local;
  table.changed(NotifyAction.ADDED, "/srv/a", FILE);
  table.closing("/srv/a");
  table.renamed("/srv/a", "/srv/b", false);
  table.linked("/srv/a", true);
  expect(announced).toEqual([]);
  const owner = watch(table, "/elsewhere");
  table.changed(NotifyAction.ADDED, "/srv/a", FILE);
  table.closing("/srv/a");
  table.renamed("/srv/a", "/srv/b", false);
  table.report(NotifyAction.ADDED, "/srv/foreign", FILE);
  table.renamed("/srv/c", "/srv/d", true);
  const renames = ["</srv/a", ">/srv/b", "</srv/c", ">/srv/d", "/srv/c>/srv/d"];
  expect(announced).toEqual(["+/srv/a", "close /srv/a", ...renames]);
  expect(table.hasChanges(owner)).toBe(false);
});

describe("asynchronous operations", () => {
  function withWatcher(): { table: NotifyTable; announced: string[] } {
    const announced: string[] = [];
    const table = new NotifyTable();
    table.local = {
      expect: (action, path) => void announced.push(`${LETTERS[action]}${path}`),
      moved: () => undefined,
      expectClose: () => undefined,
      begin: (path) => void announced.push(`begin ${path}`),
      end: (path) => void announced.push(`end ${path}`),
    };
    return { table, announced };
  }

  test("are announced from their start until their changes are reported or they have failed", async () => {
    const { table, announced } = withWatcher();
    watch(table, "/srv");
    const { promise, resolve } = Promise.withResolvers<number>();
    const work = promise.then((status) => {
      table.changed(NotifyAction.ADDED, "/srv/a", FILE);
      return status;
    });
    const ended = table.during(work, "/srv/a", "/srv/b");
    expect(announced).toEqual(["begin /srv/a", "begin /srv/b"]);
    resolve(0);
    expect(await ended).toBe(0);
    expect(announced.slice(2)).toEqual(["+/srv/a", "end /srv/a", "end /srv/b"]);
    const failing = table.during(Promise.reject(new Error("lost")), "/srv/c");
    await expect(failing).rejects.toThrow("lost");
    expect(announced.slice(5)).toEqual(["begin /srv/c", "end /srv/c"]);
  });

  test("are not announced where they end at once, or without a watch", async () => {
    const { table, announced } = withWatcher();
    expect(await table.during(Promise.resolve(1), "/srv/a")).toBe(1);
    watch(table, "/srv");
    expect(table.during(2, "/srv/a")).toBe(2);
    expect(announced).toEqual([]);
  });

  test("on metadata are not reported, and their inotify events are suppressed", async () => {
    const { table, announced } = withWatcher();
    expect(table.quietly(1, "/srv/a")).toBe(1);
    expect(announced).toEqual([]);
    const owner = watch(table, "/srv");
    expect(table.quietly(1, "/srv/a")).toBe(1);
    expect(table.quietly(2, undefined)).toBe(2);
    expect(await table.quietly(Promise.resolve(3), "/srv/b")).toBe(3);
    expect(announced).toEqual(["~/srv/a", "begin /srv/b", "end /srv/b"]);
    expect(table.hasChanges(owner)).toBe(false);
  });
});
