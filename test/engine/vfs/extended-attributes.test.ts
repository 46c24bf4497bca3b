// Extended attributes as clients see them: over values in memory (synchronous and asynchronous) and on a
// disk.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import type { FileNode } from "../../../src/engine/vfs/store.ts";
import type { NamedValues } from "../../../src/engine/vfs/value-store.ts";
import {
  attributesSize,
  changeUserAttributes,
  MAX_ATTRIBUTES_BYTES,
  needsKnowledge,
  readUserAttributes,
  toStoredName,
} from "../../../src/engine/vfs/extended-attributes.ts";
import { Errno } from "../../../src/linux/errno.ts";
import { type ExtendedAttribute, NEED_EA } from "../../../src/wire/fscc/extended-attribute.ts";
import { Fixture } from "./share-fixture.ts";
import { isReservedName } from "../../../src/engine/vfs/format/value-names.ts";

/** Named values in memory; setting the value named `fails` returns -ENOSPC. */
class MemoryValues implements NamedValues {
  readonly areAttributes = true;
  readonly map = new Map<string, Uint8Array>();
  fails = "";
  private readonly isLater: boolean;

  constructor(isLater: boolean) {
    this.isLater = isLater;
  }
  get(name: string) {
    return this.answer<Uint8Array | number>(this.map.get(name) ?? -Errno.ENODATA);
  }
  set(name: string, value: Uint8Array) {
    if (name === this.fails) return this.answer<0 | number>(-Errno.ENOSPC);
    this.map.set(name, value);
    return this.answer<0 | number>(0);
  }
  remove(name: string) {
    return this.answer<0 | number>(this.map.delete(name) ? 0 : -Errno.ENODATA);
  }
  list() {
    return this.answer<readonly string[] | number>([...this.map.keys()]);
  }
  private answer<T>(value: T): T | Promise<T> {
    return this.isLater ? Promise.resolve(value) : value;
  }
}

function attribute(name: string, value: string | number, flags = 0): ExtendedAttribute {
  const bytes = typeof value === "number" ? new Uint8Array(value).fill(1) : Buffer.from(value);
  return { flags, name, value: new Uint8Array(bytes) };
}

async function read(values: NamedValues): Promise<Record<string, string>> {
  const found = await readUserAttributes(values);
  if (typeof found === "number") throw new Error(`failed with ${found}`);
  return Object.fromEntries(found.map(({ name, value }) => [name, Buffer.from(value).toString()]));
}

describe("names", () => {
  test.each([["plain"], ["With.Dots-and_more"], ["a b"], ["$LXUID"], ["x".repeat(250)]])(
    "%p is a valid name",
    (name) => {
      expect(toStoredName(name)).toBe(`user.${name}`);
    },
  );

  test.each([[""], ["a:b"], ["a*"], ["a\0b"], ["a/b"], ["a\\b"], ["x".repeat(251)], ["\xff\xfe"]])(
    "%p is an invalid name",
    (name) => expect(toStoredName(name)).toBeUndefined(),
  );

  test("a name with non-ASCII bytes is stored as UTF-8", () => {
    expect(toStoredName(Buffer.from("naïve").toString("latin1"))).toBe("user.naïve");
  });

  test.each([
    ["user.DOSATTRIB"],
    ["user.dosattrib"],
    ["user.DosStream.x:$DATA"],
    ["user.SAMBA_PAI"],
    ["user.minismbd.NEED_EA"],
    ["security.NTACL"],
    ["security.selinux"],
    ["system.posix_acl_access"],
    ["trusted.overlay.opaque"],
    ["user."],
  ])("%s is reserved for servers", (name) => expect(isReservedName(name)).toBe(true));

  test("other names in user. are available to clients", () => {
    for (const name of ["user.x", "user.DOSATTRIBUTE", "user.security.NTACL", "user.mime_type"])
      expect(isReservedName(name)).toBe(false);
  });
});

for (const isLater of [false, true]) {
  describe(isLater ? "asynchronous values" : "synchronous values", () => {
    test("attributes are set and read back, names ignore case, and an empty value removes", async () => {
      const values = new MemoryValues(isLater);
      values.map.set("user.DOSATTRIB", new Uint8Array(8));
      values.map.set("security.NTACL", new Uint8Array(8));
      expect(await changeUserAttributes(values, [attribute("One", "1"), attribute("two", "22")])).toBe(0);
      expect(await changeUserAttributes(values, [attribute("ONE", "other")])).toBe(0);
      expect(await read(values)).toEqual({ One: "other", two: "22" });
      expect(values.map.has("user.One")).toBe(true);
      expect(await changeUserAttributes(values, [attribute("oNE", ""), attribute("none", "")])).toBe(0);
      expect(await read(values)).toEqual({ two: "22" });
      expect([...values.map.keys()].sort()).toEqual(["security.NTACL", "user.DOSATTRIB", "user.two"]);
    });

    test("a change that fails halfway is undone", async () => {
      const values = new MemoryValues(isLater);
      await changeUserAttributes(values, [attribute("a", "before"), attribute("b", "before")]);
      values.fails = "user.c";
      const wanted = [
        attribute("a", "after"),
        attribute("b", ""),
        attribute("n", "new"),
        attribute("c", "x"),
      ];
      expect(await changeUserAttributes(values, wanted)).toBe(-Errno.ENOSPC);
      expect(await read(values)).toEqual({ a: "before", b: "before" });
    });

    test("a change is undone when the names with NEED_EA cannot be stored", async () => {
      const values = new MemoryValues(isLater);
      await changeUserAttributes(values, [attribute("a", "before")]);
      values.fails = "user.minismbd.NEED_EA";
      const wanted = [attribute("a", "after", NEED_EA), attribute("new", "1")];
      expect(await changeUserAttributes(values, wanted)).toBe(-Errno.ENOSPC);
      expect(await read(values)).toEqual({ a: "before" });
      expect(await needsKnowledge(values)).toBe(false);
    });

    test("more than 64 KiB of attributes fail with -E2BIG", async () => {
      const values = new MemoryValues(isLater);
      const first = attribute("a", 30_000);
      const most = MAX_ATTRIBUTES_BYTES - attributesSize([first]) - 4 - 1 - 1;
      expect(await changeUserAttributes(values, [first, attribute("b", most + 1)])).toBe(-Errno.E2BIG);
      expect(await read(values)).toEqual({});
      expect(await changeUserAttributes(values, [first, attribute("b", most)])).toBe(0);
      expect(await changeUserAttributes(values, [attribute("c", 1)])).toBe(-Errno.E2BIG);
      // An attribute removed in the same request makes room.
      expect(await changeUserAttributes(values, [attribute("c", 1), attribute("A", "")])).toBe(0);
    });

    test("NEED_EA is stored until its attribute is set without it", async () => {
      const values = new MemoryValues(isLater);
      await changeUserAttributes(values, [attribute("must", "1", NEED_EA), attribute("may", "1")]);
      expect(await needsKnowledge(values)).toBe(true);
      const found = await readUserAttributes(values);
      expect(Array.isArray(found) && found.map(({ name, flags }) => [name, flags])).toEqual([
        ["must", NEED_EA],
        ["may", 0],
      ]);
      await changeUserAttributes(values, [attribute("MUST", "2")]);
      expect(await needsKnowledge(values)).toBe(false);
      expect(values.map.has("user.minismbd.NEED_EA")).toBe(false);
    });
  });
}

test("attributesSize counts the entries and a header", () => {
  expect(attributesSize([])).toBe(0);
  // [MS-FSA] 2.1.5.12.10: 4 bytes more than the entries.
  expect(attributesSize([attribute("ab", "xyz")])).toBe(4 + 4 + 2 + 1 + 3);
});

test.skipIf(Bun.which("setfattr") === null)(
  "attributes set by setfattr are read, and getfattr shows attributes set by clients",
  async () => {
    const share = new Fixture();
    await share.touch("file");
    const path = share.at("file");
    expect(spawnSync("setfattr", ["-n", "user.local", "-v", "here", path]).status).toBe(0);
    const node: FileNode = await share.node("file");
    expect(await read(node.values)).toEqual({ local: "here" });
    expect(await changeUserAttributes(node.values, [attribute("remote", "there")])).toBe(0);
    const shown = spawnSync("getfattr", ["--only-values", "-n", "user.remote", path]).stdout.toString();
    expect(shown).toBe("there");
    // Too large for some file systems: ext4 returns ENOSPC, btrfs and xfs store it or return E2BIG.
    const large = await changeUserAttributes(node.values, [attribute("large", 65_000)]);
    expect([0, -Errno.ENOSPC, -Errno.E2BIG]).toContain(large);
    expect((await read(node.values))["remote"]).toBe("there");
    node.close();
    share.dispose();
  },
);
