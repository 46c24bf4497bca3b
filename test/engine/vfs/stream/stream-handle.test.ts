// Open streams over synchronous and asynchronous values: concurrent changes, sizes, errors and flushing.
import { expect, test } from "bun:test";
import { StreamHandle, StreamName } from "../../../../src/engine/vfs/stream/stream-handle.ts";
import { FileKind, type FileHandle, type FileNode, type FileStat } from "../../../../src/engine/vfs/store.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { MemoryValues } from "./memory-values.ts";

const KEY = "user.DosStream.s:$DATA";

/** The part of a node that a stream handle uses. */
class FakeNode {
  readonly values: MemoryValues;
  readonly flushed: string[] = [];
  readonly stat = {
    kind: FileKind.DIRECTORY,
    size: 77,
    allocated: 4096,
    attributes: FileAttribute.DIRECTORY | FileAttribute.HIDDEN,
    links: 3,
    modifySeconds: 1234,
  } as FileStat;

  constructor(values: MemoryValues) {
    this.values = values;
  }

  refresh(): FileStat {
    return this.stat;
  }

  open(): FileHandle {
    const flush = (): 0 => {
      this.flushed.push("flush");
      return 0;
    };
    return { flush, close: () => this.flushed.push("close") } as unknown as FileHandle;
  }
}

function handleOn(values: MemoryValues, place = new StreamName("s", KEY), isWriteThrough = false) {
  const node = new FakeNode(values);
  return {
    handle: new StreamHandle(node as unknown as FileNode, place, "samba", true, isWriteThrough),
    node,
    place,
  };
}

async function text(handle: StreamHandle): Promise<string | number> {
  const bytes = new Uint8Array(64);
  const count = await handle.read(heapBuffer(bytes), 0, 64, 0);
  return count < 0 ? count : new TextDecoder().decode(bytes.subarray(0, count));
}

const bytesOf = (data: string): Uint8Array => new TextEncoder().encode(data);

test("concurrent writes of several opens lose no byte", async () => {
  const values = new MemoryValues({ isSlow: true });
  const { handle: first, place } = handleOn(values);
  const { handle: second } = handleOn(values, place);
  expect(await first.create()).toBe(0);
  const writes: unknown[] = [];
  for (let i = 0; i < 26; i++) {
    const letter = bytesOf(String.fromCharCode(97 + i));
    writes.push((i % 2 === 0 ? first : second).write(heapBuffer(letter), 0, 1, i));
  }
  expect(await Promise.all(writes)).toEqual(Array<number>(26).fill(1));
  expect(await text(second)).toBe("abcdefghijklmnopqrstuvwxyz");
});

test("reads and writes run in order", async () => {
  const { handle } = handleOn(new MemoryValues({ isSlow: true }));
  await handle.create();
  const order = [
    handle.write(heapBuffer(bytesOf("one")), 0, 3, 0),
    text(handle),
    handle.truncate(1),
    text(handle),
  ];
  expect(await Promise.all(order)).toEqual([3, "one", 0, "o"]);
});

test("a failed operation does not stop those queued after it", async () => {
  const values = new MemoryValues({ isSlow: true, valueBytes: 10 });
  const { handle } = handleOn(values);
  await handle.create();
  const results = [
    handle.write(heapBuffer(bytesOf("0123456789abcdef")), 0, 16, 0),
    handle.write(heapBuffer(bytesOf("ok")), 0, 2, 0),
    text(handle),
  ];
  expect(await Promise.all(results)).toEqual([-Errno.ENOSPC, 2, "ok"]);
});

test("operations on synchronous values complete synchronously", () => {
  const { handle } = handleOn(new MemoryValues());
  expect(handle.create()).toBe(0);
  expect(handle.create()).toBe(-Errno.EEXIST);
  expect(handle.write(heapBuffer(bytesOf("x----y")), 1, 4, 2)).toBe(4);
  const bytes = new Uint8Array(8);
  expect(handle.read(heapBuffer(bytes), 1, 4, 1)).toBe(4);
  expect(bytes.toHex()).toBe("00002d2d2d000000");
  expect(handle.read(heapBuffer(bytes), 0, 4, 6)).toBe(0);
  expect(handle.truncate(8)).toBe(0);
  expect(handle.read(heapBuffer(bytes), 0, 8, 0)).toBe(8);
  expect(bytes.toHex()).toBe("00002d2d2d2d0000");
});

test("zeroRange does not extend the stream", async () => {
  const { handle } = handleOn(new MemoryValues());
  handle.create();
  handle.write(heapBuffer(bytesOf("abcdef")), 0, 6, 0);
  expect(await handle.zeroRange(1, 2)).toBe(2);
  expect(await handle.zeroRange(5, 100)).toBe(1);
  expect(await handle.zeroRange(6, 1)).toBe(0);
  expect(await handle.zeroRange(2 ** 52, 1)).toBe(0);
  const bytes = new Uint8Array(6);
  handle.read(heapBuffer(bytes), 0, 6, 0);
  expect(bytes.toHex()).toBe("610000646500");
});

test("offsets and sizes beyond the limit fail with -ENOSPC", async () => {
  const { handle } = handleOn(new MemoryValues());
  handle.create();
  for (const offset of [1_048_575, 2 ** 32, 2 ** 53 - 1]) {
    expect(handle.write(heapBuffer(bytesOf("x")), 0, 1, offset)).toBe(-Errno.ENOSPC);
    expect(handle.truncate(offset + 1)).toBe(-Errno.ENOSPC);
    expect(handle.allocate(offset + 1)).toBe(-Errno.ENOSPC);
    expect(handle.read(heapBuffer(new Uint8Array(1)), 0, 1, offset)).toBe(0);
  }
  expect(await handle.write(heapBuffer(bytesOf("x")), 0, 1, 1_048_574)).toBe(1);
});

test("stat returns the stream's kind and sizes and the file's other attributes", () => {
  const { handle, node } = handleOn(new MemoryValues());
  handle.create();
  handle.write(heapBuffer(bytesOf("0123456789")), 0, 10, 0);
  const stat = handle.stat() as FileStat;
  expect(stat).toMatchObject({
    kind: FileKind.FILE,
    size: 10,
    allocated: 16,
    attributes: FileAttribute.HIDDEN,
  });
  expect(stat).toMatchObject({ links: 3, modifySeconds: 1234 });
  expect(node.stat.size).toBe(77);
});

test("operations on a removed stream fail with -ESTALE and do not recreate it", async () => {
  const { handle, place } = handleOn(new MemoryValues());
  const { handle: other } = handleOn(new MemoryValues(), place);
  expect([
    handle.write(heapBuffer(bytesOf("x")), 0, 1, 0),
    handle.truncate(0),
    handle.stat(),
    await text(other),
  ]).toEqual(Array<number>(4).fill(-Errno.ESTALE));
  expect(handle.remove()).toBe(-Errno.ENODATA);
});

test("flush and write-through flush the file that the stream belongs to", async () => {
  const { handle, node } = handleOn(new MemoryValues(), undefined, true);
  handle.create();
  expect(await handle.write(heapBuffer(bytesOf("x")), 0, 1, 0)).toBe(1);
  expect(node.flushed).toEqual(["flush", "close"]);
  expect(await handle.flush()).toBe(0);
  expect(node.flushed).toHaveLength(4);
});
