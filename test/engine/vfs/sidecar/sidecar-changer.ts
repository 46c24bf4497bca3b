// A separate process that changes a sidecar, for tests of concurrent changes: `set PREFIX COUNT` sets that
// many values of the file, `move COUNT` renames it to and fro. Arguments: root, file, command.
import { DirectoryCache } from "../../../../src/engine/vfs/context/directory-cache.ts";
import { renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import { setNamedValue } from "../../../../src/engine/vfs/values/named-values.ts";
import { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { identityOf } from "../../../../src/engine/vfs/format/file-stat.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { AT_FDCWD, Open, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statFd } from "../../../../src/linux/stat.ts";
import { grantFor } from "../share-fixture.ts";

const MAX_ROUNDS = 1000;
const [root = "", file = "", what = "", first = "", second = ""] = process.argv.slice(2);
const rootFd = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
const context = new ShareContext(grantFor(root), rootFd, new DirectoryCache(), true);
// Another process may have renamed it to its other name.
let fd = -Errno.ENOENT;
for (let i = 0; fd === -Errno.ENOENT && i < MAX_ROUNDS; i++)
  fd = openAt(rootFd, i % 2 === 0 ? file : `sub/${file}`, Open.PATH);
if (fd < 0) throw new Error(`${file}: ${fd}`);

function check(answer: unknown): void {
  if (typeof answer === "number" && answer < 0) throw new Error(`${what}: errno ${-answer}`);
}

/**
 * Tries again on ENOENT: a file that is renamed all the time may not be found, and nothing is stored then.
 */
function setWhereItIs(name: string, value: Uint8Array): number {
  let answer: number = -Errno.ENOENT;
  for (let i = 0; answer === -Errno.ENOENT && i < MAX_ROUNDS; i++)
    answer = setNamedValue(context, fd, file, name, value);
  return answer;
}

if (what === "set") {
  const value = new Uint8Array(100);
  for (let i = 0; i < Number(second); i++) check(setWhereItIs(`user.${first}${i}`, value));
} else {
  const stat = emptyStatx();
  statFd(fd, stat);
  const identity = identityOf(stat);
  let name = file;
  for (let i = 0; i < Number(first); i++) {
    const path = i % 2 === 0 ? `sub/${file}` : file;
    const target = { path, name: file, identity: "", isDirectory: false };
    check(renamePath(context, name, identity, target, false));
    name = path;
  }
}
