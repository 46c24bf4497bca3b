// Calls the disk operations on named values directly, without a server, for tests of overflow.
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statFd } from "../../../../src/linux/stat.ts";
import { deviceOf, identityOf } from "../../../../src/engine/vfs/format/file-stat.ts";
import { DirectoryCache } from "../../../../src/engine/vfs/context/directory-cache.ts";
import {
  type OperationArgs,
  type OperationName,
  type OperationResult,
  diskOperations,
} from "../../../../src/engine/vfs/disk/operations.ts";
import { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { storesAttributes } from "../../../../src/engine/vfs/values/named-values.ts";
import { grantFor } from "../share-fixture.ts";
import { NodeValues } from "../../../../src/engine/vfs/local/node-metadata.ts";

export interface OpenObject {
  readonly fd: number;
  readonly identity: string;
  readonly values: NodeValues;
}

type AnyCall = (context: ShareContext, ...args: unknown[]) => unknown;

/** A folder as a share, whose operations are called synchronously. */
export class OverflowDisk {
  readonly context: ShareContext;
  private readonly opened: number[] = [];

  constructor(root: string) {
    const rootFd = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
    if (rootFd < 0) throw new Error(`${root}: errno ${-rootFd}`);
    this.opened.push(rootFd);
    this.context = new ShareContext(grantFor(root), rootFd, new DirectoryCache(), true);
  }

  /** True where the disk has extended attributes. */
  get storesAttributes(): boolean {
    const stat = emptyStatx();
    statFd(this.context.rootFd, stat);
    return storesAttributes(this.context, this.context.rootFd, deviceOf(stat));
  }

  /** Opens the object at `path` below the root ("." for the root itself). */
  open(path: string, areAttributes = true): OpenObject {
    const fd = openAt(this.context.rootFd, path, Open.PATH);
    if (fd < 0) throw new Error(`${path}: errno ${-fd}`);
    this.opened.push(fd);
    const stat = emptyStatx();
    statFd(fd, stat);
    const { context } = this;
    const run = <K extends OperationName>(name: K, ...args: OperationArgs<K>): OperationResult<K> =>
      (diskOperations[name] as unknown as AnyCall)(context, ...args) as OperationResult<K>;
    const runInWorker = <K extends OperationName>(name: K, args: OperationArgs<K>): OperationResult<K> =>
      run(name, ...args);
    const calls = { run, runNow: run, runInWorker };
    return {
      fd,
      identity: identityOf(stat),
      values: new NodeValues(
        { fd, path: path === "." ? "" : path, isClosed: false, ...calls },
        areAttributes,
      ),
    };
  }

  close(): void {
    for (const fd of this.opened.splice(0)) closeFd(fd);
  }
}
