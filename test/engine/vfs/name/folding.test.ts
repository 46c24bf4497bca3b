// Names without case, also when others change the directory meanwhile. [MS-FSA] 2.1.5.1.1: a match ignores case.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Errno } from "../../../../src/linux/errno.ts";
import { Fixture, descriptorCount, expectDescriptors, succeeded } from "../share-fixture.ts";

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

describe("look-ups without case", () => {
  test("every component", async () => {
    mkdirSync(share.at("Photos", "Summer 2024"), { recursive: true });
    writeFileSync(share.at("Photos", "Summer 2024", "IMG_1.jpg"), "");
    expect(await share.resolve("photos", "SUMMER 2024", "img_1.JPG")).toBe("Photos/Summer 2024/IMG_1.jpg");
    expect(await share.resolve("PHOTOS")).toBe("Photos");
    const found = succeeded(await share.lookup("PHOTOS", "summer 2024", "New.jpg"));
    expect([found.path, found.name]).toEqual(["Photos/Summer 2024/New.jpg", "New.jpg"]);
    expect(await share.lookup("PHOTOS", "winter", "x")).toBe(-Errno.ENOENT);
    expect(await share.lookup("PHOTOS", "Summer 2024", "IMG_1.jpg", "x")).toBe(-Errno.ENOTDIR);
  });

  test("the exact name comes before another spelling", async () => {
    for (const name of ["readme", "README", "ReadMe"]) writeFileSync(share.at(name), name);
    for (const name of ["readme", "README", "ReadMe"]) expect(await share.resolve(name)).toBe(name);
    expect(["readme", "README", "ReadMe"]).toContain((await share.resolve("rEADmE")) as string);
  });

  test("a share that minds case", async () => {
    mkdirSync(share.at("Dir"));
    const minding = new Fixture({ caseSensitive: true }, share);
    expect(await minding.resolve("dir")).toBeUndefined();
    expect(await minding.lookup("dir", "x")).toBe(-Errno.ENOENT);
    expect(await minding.resolve("Dir")).toBe("Dir");
    minding.close();
  });

  test("composed and decomposed forms are two names", async () => {
    writeFileSync(share.at("Cafe\u0301"), "");
    expect(await share.resolve("Caf\u00e9")).toBeUndefined();
    await share.touch("Caf\u00e9");
    expect(await share.resolve("Caf\u00e9")).toBe("Caf\u00e9");
    expect(await share.resolve("CAF\u00c9")).toBe("Caf\u00e9");
    expect(await share.resolve("CAFE\u0301")).toBe("Cafe\u0301");
    expect(await share.list()).toEqual([".", "..", "Cafe\u0301", "Caf\u00e9"]);
  });

  test("for a Mac they find each other, and the exact spelling comes first", async () => {
    share.store.findsAnyForm = true;
    mkdirSync(share.at("U\u0308ber"));
    writeFileSync(share.at("U\u0308ber", "Cafe\u0301"), "");
    expect(await share.resolve("\u00dcber", "Caf\u00e9")).toBe("U\u0308ber/Cafe\u0301");
    expect(await share.resolve("\u00fcBER", "CAF\u00c9")).toBe("U\u0308ber/Cafe\u0301");
    // What is new there lies in the folder that is there.
    const missing = succeeded(await share.lookup("\u00dcber", "neu\u0308"));
    expect(missing.path).toBe("U\u0308ber/neu\u0308");
    mkdirSync(share.at("\u00dcber"));
    expect(await share.resolve("\u00dcber")).toBe("\u00dcber");
    expect(await share.resolve("U\u0308ber")).toBe("U\u0308ber");
    // What is on the disk is what a listing shows.
    expect(await share.list()).toEqual([".", "..", "U\u0308ber", "\u00dcber"]);
  });

  test("for a Mac on a share that minds case", async () => {
    mkdirSync(share.at("U\u0308ber"));
    const minding = new Fixture({ caseSensitive: true }, share);
    minding.store.findsAnyForm = true;
    expect(await minding.resolve("\u00dcber")).toBe("U\u0308ber");
    expect(await minding.resolve("\u00fcber")).toBeUndefined();
    minding.close();
  });
});

describe("changes underneath", () => {
  test("a name that comes and goes", async () => {
    for (let round = 0; round < 20; round++) {
      expect(await share.resolve("FILE")).toBeUndefined();
      writeFileSync(share.at("file"), "");
      expect(await share.resolve("FILE")).toBe("file");
      renameSync(share.at("file"), share.at("File"));
      expect(await share.resolve("FILE")).toBe("File");
      rmSync(share.at("File"));
    }
  });

  test("a directory replaced by another of the same name", async () => {
    mkdirSync(share.at("d"));
    writeFileSync(share.at("d", "One"), "");
    expect(await share.resolve("D", "ONE")).toBe("d/One");
    mkdirSync(share.at("e"));
    writeFileSync(share.at("e", "Two"), "");
    renameSync(share.at("d"), share.at("old"));
    renameSync(share.at("e"), share.at("d"));
    expect(await share.resolve("D", "ONE")).toBeUndefined();
    expect(await share.resolve("D", "TWO")).toBe("d/Two");
  });

  test("what clients change themselves is known at once", async () => {
    expect(await share.resolve("first")).toBeUndefined();
    for (let i = 0; i < 50; i++) {
      await share.touch(`File${i}`);
      expect(await share.resolve(`FILE${i}`)).toBe(`File${i}`);
    }
    const node = await share.node("file7");
    const to = succeeded(await share.lookup("Moved"));
    expect(await share.store.rename("File7", node.identity, to, false)).toEqual({ path: "Moved" });
    expect(await share.resolve("FILE7")).toBeUndefined();
    expect(await share.resolve("MOVED")).toBe("Moved");
    expect(await share.store.remove("Moved", node.identity, false)).toBe(0);
    expect(await share.resolve("MOVED")).toBeUndefined();
    node.close();
  });

  test("of two spellings one is removed and the other found", async () => {
    writeFileSync(share.at("twin"), "");
    writeFileSync(share.at("TWIN"), "");
    expect(await share.resolve("Twin")).toBeString();
    for (const left of ["TWIN", "twin"]) {
      const gone = left === "twin" ? "TWIN" : "twin";
      const node = await share.node(gone);
      expect(await share.store.remove(gone, node.identity, false)).toBe(0);
      node.close();
      expect(await share.resolve("Twin")).toBe(left);
      writeFileSync(share.at(gone), "");
      expect(await share.resolve("Twin")).toBeString();
    }
  });

  test("another store on the same directory sees it too", async () => {
    const other = new Fixture({}, share);
    expect(await other.resolve("SHARED")).toBeUndefined();
    await share.touch("Shared");
    expect(await other.resolve("SHARED")).toBe("Shared");
    other.close();
  });
});

test("a folder filled by a client is not read anew for every file", async () => {
  await share.setLively(true);
  const count = 4_000;
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await share.touch(`file-${i}`);
  const { user } = process.cpuUsage(before);
  expect((await share.list()).length).toBe(count + 2);
  // Processor time outside the kernel, which neither a busy machine nor its disk lengthens: 0.1 to 0.25 ms each on the
  // slowest machine tried; reading anew takes 1 ms each at this size.
  expect(user / 1000).toBeLessThan(count * 0.6);
});
