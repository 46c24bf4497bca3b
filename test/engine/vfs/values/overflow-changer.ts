// A separate process that writes a file's stream, for tests that kill it at every step.
// Arguments: root, file, key, number of bytes, value of every byte.
import { writeStream } from "../../../../src/engine/vfs/stream/stream-change.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const [root = "", file = "", key = "", bytes = "", fill = ""] = process.argv.slice(2);
const disk = new OverflowDisk(root);
const data = new Uint8Array(Number(bytes)).fill(Number(fill));
const result = await writeStream(disk.open(file).values, key, data, "samba");
disk.close();
if (result !== 0) throw new Error(`errno ${-result}`);
