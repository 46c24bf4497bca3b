// The on-disk form of streams. The values were written by smbd 4.17.12 and setfattr(1): `SAMBA` was read with
// getfattr after smbclient's put. Continuation values are those of Samba's vfs_streams_xattr(8), "max xattrs
// per stream"; ksmbd's form is that of fs/smb/server/vfs.c, which stores the data alone.
import { describe, expect, test } from "bun:test";
import {
  changeStream,
  createStream,
  removeStream,
  removeStreams,
  writeStream,
  truncateStream,
  writeStreamAt,
} from "../../../../src/engine/vfs/stream/stream-change.ts";
import {
  findStream,
  listStreams,
  type StreamForm,
  streamKey,
} from "../../../../src/engine/vfs/stream/stored-stream.ts";
import { readStream, sizeStreams } from "../../../../src/engine/vfs/stream/stream-content.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { type DiskLimits, MemoryLarge, MemoryValues } from "./memory-values.ts";

const KEY = "user.DosStream.s:$DATA";
const EXTENT = "user.DosStreamExt.1.s:$DATA";
const SAMBA = "68656c6c6f00";

const MAX = 1_048_575;

function disk(values: Readonly<Record<string, string | Uint8Array>>, limits?: DiskLimits): MemoryValues {
  const memory = new MemoryValues(limits);
  for (const [name, value] of Object.entries(values)) {
    memory.map.set(name, typeof value === "string" ? Uint8Array.fromHex(value) : value);
  }
  return memory;
}

async function read(memory: MemoryValues, key = KEY, form: StreamForm = "samba"): Promise<string | number> {
  const data = await readStream(memory, key, form);
  return typeof data === "number" ? data : data.toHex();
}

function pattern(length: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed + (i >> 8)) & 0xff;
  return bytes;
}

describe("reading streams of other servers", () => {
  test("Samba's data ends with a zero byte", async () => {
    expect(await read(disk({ [KEY]: SAMBA }))).toBe("68656c6c6f");
    expect(await read(disk({ [KEY]: "00" }))).toBe("");
    // Only the last zero is not data.
    expect(await read(disk({ [KEY]: "610000" }))).toBe("6100");
  });

  test("ksmbd's value is the data alone", async () => {
    expect(await read(disk({ [KEY]: "68656c6c6f" }))).toBe("68656c6c6f");
    expect(await read(disk({ [KEY]: "" }))).toBe("");
    // A small number at the end is data if there is no continuation value.
    expect(await read(disk({ [KEY]: "610a" }))).toBe("610a");
    expect(await read(disk({ [KEY]: "61ff" }))).toBe("61ff");
  });

  test("macOS's Finder information has 60 bytes in both forms", async () => {
    const key = "user.DosStream.AFP_AfpInfo:$DATA";
    const data = "41465000".padEnd(120, "0");
    expect(await read(disk({ [key]: data }), key)).toBe(data);
    expect(await read(disk({ [key]: `${data}00` }), key)).toBe(data);
  });

  test("Samba's continuation values are appended", async () => {
    expect(await read(disk({ [KEY]: "616201", [EXTENT]: "6364" }))).toBe("61626364");
    const second = "user.DosStreamExt.2.s:$DATA";
    expect(await read(disk({ [KEY]: "616202", [EXTENT]: "6364", [second]: "00" }))).toBe("6162636400");
    // An interrupted write: Samba returns the parts that exist.
    expect(await read(disk({ [KEY]: "616202", [EXTENT]: "6364" }))).toBe("61626364");
    // A continuation value left over from a longer stream is ignored.
    expect(await read(disk({ [KEY]: "616200", [EXTENT]: "6364" }))).toBe("6162");
  });

  test("names may lack the type or contain colons, and other values are not streams", async () => {
    const memory = disk({
      "user.DosStream.a:$DATA": "00",
      "user.DosStream.b": "00",
      "user.DosStream.com.apple.metadata:_kMDItem:$DATA": "00",
      "user.DosStream.:$DATA": "00",
      "user.DosStream.x/y:$DATA": "00",
      "user.DosStreamExt.1.a:$DATA": "00",
      "user.DOSATTRIB": "00",
      "user.a": "00",
    });
    expect(await listStreams(memory)).toEqual([
      { name: "a", key: "user.DosStream.a:$DATA" },
      { name: "b", key: "user.DosStream.b" },
      { name: "com.apple.metadata\uf022_kMDItem", key: "user.DosStream.com.apple.metadata:_kMDItem:$DATA" },
    ]);
  });
});

test("findStream ignores case, but prefers an exact match", async () => {
  const memory = disk({ "user.DosStream.Größe:$DATA": SAMBA, "user.DosStream.größe:$DATA": "00" });
  expect(await findStream(memory, "größe")).toEqual({ name: "größe", key: "user.DosStream.größe:$DATA" });
  expect(await findStream(memory, "GRÖSSE")).toBeUndefined();
  expect(await findStream(memory, "GRÖßE")).toEqual({ name: "Größe", key: "user.DosStream.Größe:$DATA" });
});

test("streamKey returns undefined for names that are too long or not well-formed", () => {
  expect(streamKey("s")).toBe(KEY);
  expect(streamKey("s".repeat(234))).toBeString();
  expect(streamKey("s".repeat(235))).toBeUndefined();
  expect(streamKey("ü".repeat(118))).toBeUndefined();
  expect(streamKey("\ud800")).toBeUndefined();
});

describe("a stream that is written", () => {
  test("has Samba's form", async () => {
    const memory = disk({});
    expect(await createStream(memory, KEY, "samba")).toBe(0);
    expect(memory.map.get(KEY)?.toHex()).toBe("00");
    expect(await createStream(memory, KEY, "samba")).toBe(-Errno.EEXIST);
    expect(await changeStream(memory, KEY, "samba", () => new TextEncoder().encode("hello"))).toBe(0);
    expect(memory.map.get(KEY)?.toHex()).toBe(SAMBA);
    expect([...memory.map.keys()]).toEqual([KEY]);
  });

  test("has Samba's continuation values if it is too large for one value", async () => {
    const memory = disk({});
    for (const size of [65_534, 65_535, 65_536, 131_071, 131_072, 1_000_000, MAX]) {
      const data = pattern(size);
      expect(await writeStream(memory, KEY, data, "samba")).toBe(0);
      // As Samba: the first value ends with the count, and each value but the last has 65,536 bytes.
      const extents = size < 65_536 ? 0 : Math.ceil((size - 65_535) / 65_536);
      expect([size, memory.map.get(KEY)?.at(-1), memory.map.size]).toEqual([size, extents, 1 + extents]);
      expect(memory.map.get(KEY)?.length).toBe(Math.min(size + 1, 65_536));
      expect(await readStream(memory, KEY, "samba")).toEqual(data);
    }
    expect(await writeStream(memory, KEY, pattern(MAX + 1), "samba")).toBe(-Errno.ENOSPC);
    expect(await writeStream(memory, KEY, pattern(3), "samba")).toBe(0);
    expect(memory.map.size).toBe(1);
  });

  test("beyond the parts becomes a file of its own, which is changed in place", async () => {
    const memory = new MemoryValues();
    const large = new MemoryLarge(memory);
    const values = Object.assign(memory, { large });
    expect(await writeStream(values, KEY, pattern(MAX), "samba")).toBe(0);
    expect(large.files.size).toBe(0);
    expect(await writeStreamAt(values, KEY, "samba", heapBuffer(pattern(10)), 0, 10, MAX + 5)).toBe(10);
    expect([...memory.map.keys()]).toEqual([]);
    const expected = new Uint8Array(MAX + 15);
    expected.set(pattern(MAX));
    expected.set(pattern(10), MAX + 5);
    expect(await readStream(values, KEY, "samba")).toEqual(expected);
    expect(await sizeStreams(values, [{ name: "s", key: KEY }], "samba")).toEqual([
      { name: "s", size: MAX + 15 },
    ]);
    large.calls.length = 0;
    expect(await writeStreamAt(values, KEY, "samba", heapBuffer(pattern(1)), 0, 1, 7)).toBe(1);
    expect(await truncateStream(values, KEY, "samba", 100_000)).toBe(0);
    expect(large.calls.filter((call) => call !== "measure")).toEqual(["write 1", "truncate 100000"]);
    expect(await truncateStream(values, KEY, "samba", 100)).toBe(0);
    expect(large.files.size).toBe(0);
    const left = pattern(100);
    left.set(pattern(1), 7);
    expect(await readStream(values, KEY, "samba")).toEqual(left);
  });

  test("in parts is changed and read one part at a time", async () => {
    const memory = disk({});
    await writeStream(memory, KEY, pattern(200_000), "samba");
    memory.calls.length = 0;
    expect(await writeStreamAt(memory, KEY, "samba", heapBuffer(pattern(4, 9)), 0, 4, 131_069)).toBe(4);
    expect(memory.calls.filter((call) => call.startsWith("set"))).toEqual([
      "set user.DosStreamExt.1.s:$DATA",
      "set user.DosStreamExt.2.s:$DATA",
    ]);
    const expected = pattern(200_000);
    expected.set(pattern(4, 9), 131_069);
    expect(await readStream(memory, KEY, "samba")).toEqual(expected);
  });

  test("is divided into smaller parts for a file system with small values", async () => {
    const memory = disk({}, { valueBytes: 16_000 });
    const data = pattern(40_000);
    expect(await writeStream(memory, KEY, data, "samba")).toBe(0);
    expect(await readStream(memory, KEY, "samba")).toEqual(data);
    expect(memory.map.size).toBe(3);
    expect(await removeStream(memory, KEY)).toBe(0);
    expect(memory.map.size).toBe(0);
    expect(await removeStream(memory, KEY)).toBe(-Errno.ENODATA);
  });

  test("keeps its old data if the new data does not fit", async () => {
    for (const before of [5, 20_000, 50_000]) {
      const memory = disk({}, { valueBytes: 16_000, totalBytes: 60_000 });
      const old = pattern(before);
      expect(await writeStream(memory, KEY, old, "samba")).toBe(0);
      const names = [...memory.map.keys()].sort();
      expect(await writeStream(memory, KEY, pattern(70_000, 99), "samba")).toBe(-Errno.ENOSPC);
      expect(await readStream(memory, KEY, "samba")).toEqual(old);
      expect([...memory.map.keys()].sort()).toEqual(names);
    }
    const memory = disk({}, { valueBytes: 4000 });
    expect(await writeStream(memory, KEY, pattern(4000), "samba")).toBe(-Errno.ENOSPC);
    expect(memory.map.size).toBe(0);
  });
});

test("in ksmbd's form the value is exactly the data", async () => {
  expect(await read(disk({ [KEY]: "610000" }), KEY, "ksmbd")).toBe("610000");
  expect(await read(disk({ [KEY]: "00" }), KEY, "ksmbd")).toBe("00");
  const memory = disk({});
  expect(await createStream(memory, KEY, "ksmbd")).toBe(0);
  expect(memory.map.get(KEY)).toHaveLength(0);
  for (const size of [1, 256, 65_536]) {
    expect(await writeStream(memory, KEY, pattern(size), "ksmbd")).toBe(0);
    expect(memory.map.get(KEY)).toEqual(pattern(size));
    expect(await readStream(memory, KEY, "ksmbd")).toEqual(pattern(size));
  }
  expect(await writeStream(memory, KEY, pattern(65_537), "ksmbd")).toBe(-Errno.ENOSPC);
  // A stream with Samba's continuation values is read as well, and has ksmbd's form after a change.
  const carried = disk({ [KEY]: "616201", [EXTENT]: "6300" });
  expect(await read(carried, KEY, "ksmbd")).toBe("61626300");
  expect(await changeStream(carried, KEY, "ksmbd", (data) => data.slice(1))).toBe(0);
  expect([...carried.map]).toEqual([[KEY, Uint8Array.fromHex("626300")]]);
});

test("removeStreams removes all streams with their continuation values, and no other values", async () => {
  const memory = disk({ "user.DOSATTRIB": "00", "user.x": "00", "user.DosStream.b:$DATA": SAMBA });
  await writeStream(memory, KEY, pattern(100_000), "samba");
  const streams = await listStreams(memory);
  if (typeof streams === "number") throw new Error("no list");
  expect(await sizeStreams(memory, streams, "samba")).toEqual([
    { name: "b", size: 5 },
    { name: "s", size: 100_000 },
  ]);
  expect(await removeStreams(memory)).toBe(0);
  expect([...memory.map.keys()]).toEqual(["user.DOSATTRIB", "user.x"]);
});

test("fuzz: any value can be read, and a change stores the new data or keeps the old", async () => {
  let seed = 0x2545_f491;
  const random = (below: number): number => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % below;
  };
  for (let round = 0; round < 300; round++) {
    const memory = disk({}, { valueBytes: 1 + random(65_536), totalBytes: 1000 + random(300_000) });
    memory.map.set(KEY, pattern(random(40), round));
    if (random(2) === 0) memory.map.set(EXTENT, pattern(random(40), round));
    let expected = await readStream(memory, KEY, "samba");
    if (typeof expected === "number") throw new Error(`${expected}`);
    for (let step = 0; step < 4; step++) {
      const data = pattern(random(random(4) === 0 ? 200_000 : 40_000), random(256));
      const result = await changeStream(memory, KEY, "samba", () => data);
      if (result === 0) expected = data;
      else expect(result).toBe(-Errno.ENOSPC);
      expect(await readStream(memory, KEY, "samba")).toEqual(expected);
    }
  }
});
