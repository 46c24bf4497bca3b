// Name rules of a share on a real directory: mapping, short names, case of new names, veto and hiding.
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import type { FileNode } from "../../../../src/engine/vfs/store.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import type { NameRules } from "../../../../src/port/port.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import type { SecurityDescriptor } from "../../../../src/wire/security/security-descriptor.ts";
import { type Sid, WellKnownSid } from "../../../../src/wire/security/sid.ts";
import { descriptorCount, expectDescriptors, Fixture, grantFor } from "../share-fixture.ts";

// The runtime keeps descriptors open after its first child process, which would count as leaks.
beforeAll(() => void Bun.spawnSync(["true"]));

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

const rules = grantFor("/").names;

function namesShare(change: Partial<NameRules>, caseSensitive = false): Fixture {
  return new Fixture({ names: { ...rules, ...change }, caseSensitive }, share);
}

const bytes = (hex: string): Buffer =>
  Buffer.concat([Buffer.from(`${share.root}/`), Buffer.from(hex, "hex")]);

describe("characters that Windows reserves", () => {
  test("are stored unmapped on a disk that allows them", async () => {
    await share.touch("a\uf022b\uf029");
    expect(readdirSync(share.root)).toEqual(["a:b."]);
  });

  test("are mapped on a disk that does not allow them, and unmapped names are found", async () => {
    const fat = namesShare({ reserved: "private" });
    await fat.touch("a\uf022b\uf029");
    expect(readdirSync(share.root)).toEqual(["a\uf022b\uf029"]);
    writeFileSync(`${share.root}/c:d`, "");
    expect(await fat.list()).toEqual([".", "..", "a\uf022b\uf029", "c\uf022d"]);
    expect(await fat.resolve("C\uf022D")).toBe("c:d");
    fat.close();
  });
});

describe("names that are not UTF-8", () => {
  test("appear in the private use area, and can be opened, renamed and deleted", async () => {
    writeFileSync(bytes("636166e9"), "latin");
    writeFileSync(bytes("ff"), "");
    expect(await share.list()).toEqual([".", "..", "caf\uf0e9", "\uf0ff"]);
    const handle = await share.open("CAF\uf0e9");
    const room = new Uint8Array(5);
    expect(await handle.read(heapBuffer(room), 0, 5, 0)).toBe(5);
    handle.close();
    expect(Buffer.from(room).toString()).toBe("latin");
    const node = await share.node("caf\uf0e9");
    const found = await share.lookup("caf\u00e9");
    if (typeof found === "number") throw new Error("lookup");
    expect(await share.store.rename("caf\udce9", node.identity, found, false)).toEqual({ path: "caf\u00e9" });
    node.close();
    expect(existsSync(share.at("café"))).toBe(true);
    const other = await share.node("\uf0ff");
    expect(await share.store.remove("\udcff", other.identity, false)).toBe(0);
    other.close();
    expect(readdirSync(share.root)).toEqual(["café"]);
  });

  test("are found as parent folders, on case-sensitive shares, and beside the mapped character", async () => {
    mkdirSync(bytes("e9"));
    writeFileSync(Buffer.concat([bytes("e9"), Buffer.from("/in")]), "");
    const caseSensitive = namesShare({}, true);
    expect(await caseSensitive.resolve("\uf0e9", "in")).toBe("\udce9/in");
    expect(await caseSensitive.list("\uf0e9")).toEqual([".", "..", "in"]);
    caseSensitive.close();
    await share.touch("x\uf0e9");
    expect(await share.resolve("x\uf0e9")).toBe("x\uf0e9");
    expect(share.store.clientPath("\udce9/in")).toBe("\uf0e9\\in");
  });
});

describe("mapped characters", () => {
  test("a name on disk with the private use character itself is found", async () => {
    writeFileSync(share.at("a\uf022b"), "");
    expect(await share.resolve("a\uf022b")).toBe("a\uf022b");
    writeFileSync(share.at("a:b"), "");
    expect(await share.resolve("a\uf022b")).toBe("a:b");
  });

  test("the share's own map is applied first, in both directions", async () => {
    const mapped = namesShare({
      characterMap: [
        [0x3a, 0xf7],
        [0x2a, 0xa4],
      ],
    });
    writeFileSync(share.at("12:30 *?"), "");
    expect(await mapped.list()).toEqual([".", "..", "12\u00f730 \u00a4\uf025"]);
    expect(await mapped.resolve("12\u00f730 \u00a4\uf025")).toBe("12:30 *?");
    await mapped.touch("new\u00f7");
    expect(existsSync(share.at("new:"))).toBe(true);
    mapped.close();
  });
});

describe("short names", () => {
  test("find a file or a parent folder, if the share has short names", async () => {
    mkdirSync(share.at("A long folder name"));
    writeFileSync(share.at("A long folder name", "A long file name.txt"), "");
    writeFileSync(share.at("a:b"), "");
    const all = namesShare({ shortNames: "yes" });
    const short = all.store.shortNameOf?.("A long folder name") ?? "";
    expect(short).toMatch(/^A[0-9A-Z]{5}~[0-9A-Z]$/);
    expect(await all.resolve(short.toLowerCase(), "AR4S99~7.TXT")).toBe(
      "A long folder name/A long file name.txt",
    );
    expect(all.store.shortNameOf?.("plain.txt")).toBe("");
    const some = namesShare({ shortNames: "illegal" });
    expect(some.store.shortNameOf?.("A long folder name")).toBe("");
    expect(await some.resolve(short)).toBeUndefined();
    expect(await some.resolve(some.store.shortNameOf?.("a\uf022b") ?? "")).toBe("a:b");
    expect(some.store.shortNameOf?.("con")).toBe("CSHOFG~F");
    expect(share.store.shortNameOf?.("a\uf022b")).toBe("");
    for (const one of [all, some]) one.close();
  });

  test("a vetoed name is not found by its short name", async () => {
    writeFileSync(share.at("A long file name.txt"), "");
    const vetoing = new Fixture({ names: { ...rules, shortNames: "yes" }, vetoFiles: ["*long*"] }, share);
    expect(await vetoing.resolve("AR4S99~7.TXT")).toBeUndefined();
    vetoing.close();
  });
});

describe("new names", () => {
  test("are created in the share's case where it does not preserve case", async () => {
    const lower = namesShare({ newCase: "lower", newShortCase: "lower" });
    await lower.touch("A Long ÄÖ İ.TXT");
    await lower.touch("SHORT.TXT");
    expect(readdirSync(share.root).sort()).toEqual(["a long äö İ.txt", "short.txt"]);
    lower.close();
    const mixed = namesShare({ newShortCase: "upper" });
    await mixed.touch("ReadMe.md");
    await mixed.touch("Read Me.md");
    expect(readdirSync(share.root)).toContain("README.MD");
    expect(readdirSync(share.root)).toContain("Read Me.md");
    mixed.close();
  });

  test("that are too long for the disk fail with ENAMETOOLONG", async () => {
    const found = await share.lookup("ä".repeat(128));
    expect(found).toBe(-Errno.ENAMETOOLONG);
    await share.touch("x".repeat(255));
    expect((await share.list()).length).toBe(3);
  });
});

describe("veto", () => {
  test("applies to the name on disk and to the name that clients see", async () => {
    writeFileSync(share.at("a:b"), "");
    writeFileSync(bytes("e9"), "");
    const vetoing = new Fixture({ vetoFiles: ["*:*", "\uf0e9"] }, share);
    expect(await vetoing.list()).toEqual([".", ".."]);
    expect(await vetoing.resolve("a\uf022b")).toBe(-Errno.ENOKEY);
    // The name that the client sees may also exist on disk.
    expect(await vetoing.resolve("\uf0e9")).toBe(-Errno.ENOKEY);
    vetoing.close();
  });
});

async function attributesOf(fixture: Fixture, ...path: string[]): Promise<number> {
  const node: FileNode = await fixture.node(...path);
  node.close();
  return node.stat.attributes;
}

describe("hiding", () => {
  const hiding = grantFor("/").hiding;

  test("`hide files` and dot files set HIDDEN, and a rename clears it", async () => {
    const hidden = new Fixture({ hiding: { ...hiding, files: ["*.bak", "desktop.ini"] } }, share);
    for (const name of ["x.BAK", ".dot", "plain"]) writeFileSync(share.at(name), "");
    expect((await attributesOf(hidden, "x.BAK")) & FileAttribute.HIDDEN).toBe(FileAttribute.HIDDEN);
    expect((await attributesOf(hidden, ".dot")) & FileAttribute.HIDDEN).toBe(FileAttribute.HIDDEN);
    expect((await attributesOf(hidden, "plain")) & FileAttribute.HIDDEN).toBe(0);
    renameSync(share.at(".dot"), share.at("dot"));
    expect((await attributesOf(hidden, "dot")) & FileAttribute.HIDDEN).toBe(0);
    hidden.close();
  });

  test("`hide special files` hides a FIFO from listings", async () => {
    Bun.spawnSync(["mkfifo", share.at("fifo")]);
    expect(await share.list()).toEqual([".", "..", "fifo"]);
    const plain = new Fixture({ hiding: { ...hiding, special: true } }, share);
    expect(await plain.list()).toEqual([".", ".."]);
    plain.close();
  });

  test.if(process.geteuid?.() === 0)("files that the user may not read or write are hidden", async () => {
    chmodSync(share.root, 0o755);
    for (const [name, mode] of [
      ["secret", 0o600],
      ["readable", 0o644],
      ["open", 0o666],
    ] as const) {
      writeFileSync(share.at(name), "");
      chmodSync(share.at(name), mode);
    }
    mkdirSync(share.at("closed"), { mode: 0o700 });
    mkdirSync(share.at("folder"), { mode: 0o755 });
    const user = { uid: 12345, gid: 12345, groups: [] };
    const reader = new Fixture({ credentials: user, hiding: { ...hiding, unreadable: true } }, share);
    expect(await reader.list()).toEqual([".", "..", "folder", "open", "readable"]);
    reader.close();
    const writer = new Fixture({ credentials: user, hiding: { ...hiding, unwriteable: true } }, share);
    expect(await writer.list()).toEqual([".", "..", "closed", "folder", "open"]);
    writer.close();
  });
});

test.if(process.geteuid?.() === 0)("a stored descriptor decides which files are listed", async () => {
  const base = grantFor(share.root);
  const security = { ...base.security, acl: "nt" } as const;
  const writer = new Fixture({ security }, share);
  for (const name of ["granted", "denied", "plain"]) writeFileSync(share.at(name), "", { mode: 0o644 });
  const reads = (sid: Sid): SecurityDescriptor => ({
    control: 0,
    owner: WellKnownSid.BUILTIN_ADMINISTRATORS,
    group: WellKnownSid.BUILTIN_ADMINISTRATORS,
    sacl: undefined,
    dacl: {
      revision: 2,
      aces: [{ type: 0, flags: 0, mask: 0x0012_0089, sid, applicationData: new Uint8Array(0) }],
    },
  });
  for (const [name, sid] of [
    ["granted", WellKnownSid.WORLD],
    ["denied", WellKnownSid.BUILTIN_ADMINISTRATORS],
  ] as const) {
    const node = await writer.node(name);
    const change = { uid: -1, gid: -1, acl: undefined, inherited: undefined, descriptor: reads(sid) };
    const result = await node.security?.write(change);
    node.close();
    expect(result).toBe(0);
  }
  writer.close();
  const user = { uid: 12345, gid: 12345, groups: [] };
  chmodSync(share.root, 0o755);
  const hiding = { ...base.hiding, unreadable: true };
  const reader = new Fixture({ credentials: user, security, hiding }, share);
  expect(await reader.list()).toEqual([".", "..", "granted", "plain"]);
  reader.close();
});
