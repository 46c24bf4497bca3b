// A separate process that renames a file with its values, for tests that kill it at every step. Arguments: root,
// old and new path.
import { renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const [root = "", from = "", to = ""] = process.argv.slice(2);
const disk = new OverflowDisk(root);
const target = { path: to, name: to.split("/").at(-1) ?? "", identity: "", isDirectory: false };
const result = renamePath(disk.context, from, disk.open(from).identity, target, false);
disk.close();
if (typeof result === "number") throw new Error(`errno ${-result}`);
