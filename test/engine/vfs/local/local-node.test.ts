// Objects whose descriptor is closed while something of them is under way: a client has cancelled it and has closed
// the file.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { StreamHandle, StreamName } from "../../../../src/engine/vfs/stream/stream-handle.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { Fixture } from "../share-fixture.ts";

const KEY = "user.DosStream.notes:$DATA";
const encoder = new TextEncoder();

let share: Fixture;
beforeEach(() => {
  share = new Fixture();
});
afterEach(() => {
  share.dispose();
});

async function withStream(name: string, text: string): Promise<void> {
  writeFileSync(share.at(name), "");
  const node = await share.node(name);
  expect(await node.values.set(KEY, encoder.encode(`${text}\0`))).toBe(0);
  node.close();
}

test.each([true, false])(
  "what is left of a stream's change, and of a read, reaches no other client's file (lively disk: %p)",
  async (isLively) => {
    await withStream("mine", "mine");
    await withStream("other", "other");
    await share.setLively(isLively);
    const node = await share.node("mine");
    const streamName = new StreamName("notes", KEY);
    const handle = new StreamHandle(node, streamName, "samba", true, false);
    const first = Promise.withResolvers<void>();
    const waiting = streamName.run(() => first.promise);
    const read = encoder.encode("----");
    const left = [
      handle.write(heapBuffer(encoder.encode("evil")), 0, 4, 0),
      handle.read(heapBuffer(read), 0, 4, 0),
      handle.truncate(0),
      handle.remove(),
    ];
    node.close();
    // The number of the descriptor is free: another client's file gets it.
    const others = [1, 2, 3, 4].map(() => openSync(share.at("other"), "r"));
    first.resolve();
    await waiting;
    expect(await Promise.all(left)).toEqual(left.map(() => -Errno.EBADF));
    expect(new TextDecoder().decode(read)).toBe("----");
    const other = await share.node("other");
    expect(await other.values.get(KEY)).toEqual(encoder.encode("other\0"));
    other.close();
    for (const fd of others) closeSync(fd);
  },
);
