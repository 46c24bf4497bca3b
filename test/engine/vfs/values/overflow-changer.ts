// A program of its own that gives a file's stream so many bytes, for tests that kill it at every step.
// Arguments: root, file, key, bytes, what every byte is.
import { writeStream } from "../../../../src/engine/vfs/stream/stored-stream.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const [root = "", file = "", key = "", bytes = "", fill = ""] = process.argv.slice(2);
const disk = new OverflowDisk(root);
const data = new Uint8Array(Number(bytes)).fill(Number(fill));
const result = await writeStream(disk.open(file).values, key, data, "samba");
disk.close();
if (result !== 0) throw new Error(`errno ${-result}`);
