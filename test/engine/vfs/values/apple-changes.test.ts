// Values that go into an AppleDouble file, on a disk without extended attributes.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAfpInfo } from "../../../../src/engine/vfs/format/afp-info.ts";
import { setSidecarValue } from "../../../../src/engine/vfs/sidecar/folder.ts";
import { readStream } from "../../../../src/engine/vfs/stream/stream-content.ts";
import { emptyStatx, statAt } from "../../../../src/linux/stat.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../../peer/plugged-disk.ts";
import { withFewDescriptors } from "../../../few-descriptors.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const KEY = "user.DosStream.AFP_AfpInfo:$DATA";
/** More descriptors than the change has open. */
const MOST = 10;

function infoOf(byte: number): Uint8Array {
  return makeAfpInfo(new Uint8Array(32).fill(byte));
}

function asStream(info: Uint8Array): Uint8Array {
  return Buffer.concat([info, Uint8Array.of(0)]);
}

test.skipIf(!canMakePluggedDisk("ramfs"))(
  "a change counts, or fails, where an earlier version has stored the value in the sidecar",
  async () => {
    const plugged = makePluggedDisk("ramfs");
    const disk = new OverflowDisk(plugged.path);
    const { rootFd } = disk.context;
    try {
      for (let available = 0; available < MOST; available++) {
        const name = `f${available}`;
        writeFileSync(join(plugged.path, name), "data");
        const stat = emptyStatx();
        statAt(rootFd, name, stat);
        const subject = { name, stat, hasStableInodes: true };
        expect(setSidecarValue(rootFd, subject, KEY, asStream(infoOf(1)))).toBe(0);
        const { values } = disk.open(name, false);
        const result = await withFewDescriptors(available, () => values.set(KEY, asStream(infoOf(2))));
        expect(await readStream(values, KEY, "samba")).toEqual(infoOf(result === 0 ? 2 : 1));
      }
    } finally {
      disk.close();
      plugged.remove();
    }
  },
);
