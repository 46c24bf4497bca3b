// Watches on directories as a table: what is kept, who is told, in which order, and how waiting ends.
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

describe("who is told", () => {
  test("the parent's watch by the name alone, a recursive one above by the path, nobody else", () => {
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

  test("nobody of a change to the watched directory itself", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv/a", { isRecursive: true, filter: CompletionFilter.ATTRIBUTES });
    table.changed(NotifyAction.MODIFIED, "/srv/a", CompletionFilter.ATTRIBUTES);
    expect(table.hasChanges(owner)).toBe(false);
  });

  test("by the completion filter of the first request", () => {
    const table = new NotifyTable();
    const files = watch(table, "/srv", { filter: FILE });
    const both = watch(table, "/srv", { filter: CompletionFilter.SIZE | CompletionFilter.DIR_NAME });
    table.changed(NotifyAction.ADDED, "/srv/d", DIRECTORY);
    table.changed(NotifyAction.ADDED, "/srv/f", FILE);
    table.changed(NotifyAction.MODIFIED, "/srv/f", CompletionFilter.SIZE | CompletionFilter.LAST_WRITE);
    expect(ask(table, files).answer).toEqual(SUCCESS("+f"));
    expect(ask(table, both).answer).toEqual(SUCCESS("+d", "~f"));
  });

  test("a share that is the root directory of the machine", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/");
    table.changed(NotifyAction.ADDED, "//etc", DIRECTORY);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+etc"));
  });

  test("not of names that the client must not know", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { nameOf: (name) => (name === "secret" ? undefined : name) });
    table.changed(NotifyAction.ADDED, "/srv/secret", FILE);
    expect(table.hasChanges(owner)).toBe(false);
    table.changed(NotifyAction.ADDED, "/srv/open", FILE);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+open"));
  });
});

describe("renames", () => {
  test("within a directory: the old and the new name in one answer", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    const request = ask(table, owner);
    table.renamed("/srv/a", "/srv/b", false);
    expect(request.answer).toEqual(SUCCESS("<a", ">b"));
  });

  test("to another directory: removed here, added there", () => {
    const table = new NotifyTable();
    const above = watch(table, "/srv", { isRecursive: true });
    const from = watch(table, "/srv/x");
    const to = watch(table, "/srv/y");
    table.renamed("/srv/x/a", "/srv/y/b", false);
    expect(ask(table, from).answer).toEqual(SUCCESS("-a"));
    expect(ask(table, to).answer).toEqual(SUCCESS("+b"));
    expect(ask(table, above).answer).toEqual(SUCCESS("-x\\a", "+y\\b"));
  });

  test("names of one length in directories of one length are still two directories", () => {
    const table = new NotifyTable();
    const from = watch(table, "/srv/x");
    table.renamed("/srv/x/a", "/srv/y/a", false);
    expect(ask(table, from).answer).toEqual(SUCCESS("-a"));
  });

  test("a watched directory is watched by its new name", () => {
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

  test("a further name that takes the place of a file", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.linked("/srv/a", false);
    table.linked("/srv/b", true);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+a", "-b", "+b"));
  });
});

describe("what is kept", () => {
  test("all changes between two requests, in their order, equal ones too", () => {
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

  test("as much as the first request has room for; more is an overflow, told once", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { outputBytes: 100 });
    for (let i = 0; i < 10; i++) table.changed(NotifyAction.ADDED, `/srv/f${i}`, FILE);
    expect(ask(table, owner, 100_000).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    table.changed(NotifyAction.ADDED, "/srv/g", FILE);
    expect(ask(table, owner, 100_000).answer).toEqual(SUCCESS("+g"));
  });

  test("entries are padded to four bytes, and the last one may fill the room", () => {
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

  test("a request with less room than there are changes is an overflow, and they are gone", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.changed(NotifyAction.ADDED, "/srv/abc", FILE);
    expect(ask(table, owner, 8).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    expect(ask(table, owner).answer).toBeUndefined();
  });

  test("a first request without room has all that follow overflow", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv", { outputBytes: 1 });
    const first = ask(table, owner, 1);
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(first.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    const second = ask(table, owner, 1000);
    table.changed(NotifyAction.ADDED, "/srv/b", FILE);
    expect(second.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });

  test("never more than 64 KiB for one watch and 4 MiB for all", () => {
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

  test("lost events have everybody look", () => {
    const table = new NotifyTable();
    const waits = watch(table, "/srv/a");
    const later = watch(table, "/srv/b");
    const request = ask(table, waits);
    table.reportLoss();
    expect(request.answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
    expect(ask(table, later).answer).toEqual(NOTHING(Status.NOTIFY_ENUM_DIR));
  });
});

describe("waiting", () => {
  test("requests of one open are answered in their order, one change each", () => {
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

  test("a cancelled one is answered once, and its place is taken by the next", () => {
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

  test("what changes while nobody waits after a cancellation is kept", () => {
    const table = new NotifyTable();
    const owner = watch(table, "/srv");
    table.cancel(owner, ask(table, owner));
    table.changed(NotifyAction.ADDED, "/srv/a", FILE);
    expect(ask(table, owner).answer).toEqual(SUCCESS("+a"));
  });

  test("closing the open ends all of it", () => {
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

  test("a directory that is to be deleted ends the waiting of all its opens, and of no other's", () => {
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

test("the source of local changes hears of ours, and only while somebody watches", () => {
  const heard: string[] = [];
  const local: LocalChanges = {
    expect: (action, path) => void heard.push(`${LETTERS[action]}${path}`),
    moved: (from, to) => void heard.push(`${from}>${to}`),
    expectClose: (path) => void heard.push(`close ${path}`),
    begin: (path) => void heard.push(`begin ${path}`),
    end: (path) => void heard.push(`end ${path}`),
  };
  const table = new NotifyTable();
  table.local = local;
  table.changed(NotifyAction.ADDED, "/srv/a", FILE);
  table.closing("/srv/a");
  table.renamed("/srv/a", "/srv/b", false);
  table.linked("/srv/a", true);
  expect(heard).toEqual([]);
  const owner = watch(table, "/elsewhere");
  table.changed(NotifyAction.ADDED, "/srv/a", FILE);
  table.closing("/srv/a");
  table.renamed("/srv/a", "/srv/b", false);
  table.report(NotifyAction.ADDED, "/srv/foreign", FILE);
  table.renamed("/srv/c", "/srv/d", true);
  const renames = ["</srv/a", ">/srv/b", "</srv/c", ">/srv/d", "/srv/c>/srv/d"];
  expect(heard).toEqual(["+/srv/a", "close /srv/a", ...renames]);
  expect(table.hasChanges(owner)).toBe(false);
});

describe("operations that wait for a disk", () => {
  function listening(): { table: NotifyTable; heard: string[] } {
    const heard: string[] = [];
    const table = new NotifyTable();
    table.local = {
      expect: (action, path) => void heard.push(`${LETTERS[action]}${path}`),
      moved: () => undefined,
      expectClose: () => undefined,
      begin: (path) => void heard.push(`begin ${path}`),
      end: (path) => void heard.push(`end ${path}`),
    };
    return { table, heard };
  }

  test("are announced from their beginning until they have been told of, or have failed", async () => {
    const { table, heard } = listening();
    watch(table, "/srv");
    const { promise, resolve } = Promise.withResolvers<number>();
    const work = promise.then((status) => {
      table.changed(NotifyAction.ADDED, "/srv/a", FILE);
      return status;
    });
    const told = table.during(work, "/srv/a", "/srv/b");
    expect(heard).toEqual(["begin /srv/a", "begin /srv/b"]);
    resolve(0);
    expect(await told).toBe(0);
    expect(heard.slice(2)).toEqual(["+/srv/a", "end /srv/a", "end /srv/b"]);
    const failing = table.during(Promise.reject(new Error("lost")), "/srv/c");
    await expect(failing).rejects.toThrow("lost");
    expect(heard.slice(5)).toEqual(["begin /srv/c", "end /srv/c"]);
  });

  test("are not announced where the answer is at hand, or while nobody watches", async () => {
    const { table, heard } = listening();
    expect(await table.during(Promise.resolve(1), "/srv/a")).toBe(1);
    watch(table, "/srv");
    expect(table.during(2, "/srv/a")).toBe(2);
    expect(heard).toEqual([]);
  });

  test("beside the data are not told of, and no news from elsewhere", async () => {
    const { table, heard } = listening();
    expect(table.quietly(1, "/srv/a")).toBe(1);
    expect(heard).toEqual([]);
    const owner = watch(table, "/srv");
    expect(table.quietly(1, "/srv/a")).toBe(1);
    expect(table.quietly(2, undefined)).toBe(2);
    expect(await table.quietly(Promise.resolve(3), "/srv/b")).toBe(3);
    expect(heard).toEqual(["~/srv/a", "begin /srv/b", "end /srv/b"]);
    expect(table.hasChanges(owner)).toBe(false);
  });
});
