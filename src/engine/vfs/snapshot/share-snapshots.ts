// The snapshots of a share, each with its own read-only store; [MS-SMB2] 3.3.5.9 (TWrp), 3.3.5.15.1.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise, ShareGrant } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import type { ListedSnapshot } from "./folder.ts";
import type { Failure, FileStore, Snapshot, Snapshots } from "../store.ts";

/** How long a list is reused: clients open one file after another. */
const FRESH_MS = 5000;
/** Snapshot stores that one tree keeps open. */
const MAX_STORES = 32;

/** Lists and opens the snapshots of a share. */
export interface SnapshotSource {
  readonly grant: ShareGrant;
  list(): MaybePromise<ListedSnapshot[] | Failure>;
  open(grant: SnapshotGrant): MaybePromise<OpenedSnapshot | Failure>;
}

/** A store, and the kernel's path of its root. */
export interface OpenedSnapshot {
  readonly store: FileStore;
  readonly path: string;
}

/** The settings of a snapshot's store; plain data, so that they can be sent to a volume's worker. */
export interface SnapshotGrant extends ShareGrant {
  /**
   * Since 1970. Distinguishes the identities of files in the snapshot from those of live files with the same
   * inode.
   */
  readonly snapshotSeconds: number;
}

export function snapshotSecondsOf(grant: ShareGrant): number | undefined {
  return "snapshotSeconds" in grant ? (grant as SnapshotGrant).snapshotSeconds : undefined;
}

export class ShareSnapshots implements Snapshots {
  private readonly source: SnapshotSource;
  private places: readonly ListedSnapshot[] = [];
  private listedMs = Number.NEGATIVE_INFINITY;
  /** In order of their last use, the oldest first. */
  private readonly stores = new Map<number, Snapshot>();
  private readonly opening = new Map<number, Promise<Snapshot | Failure>>();
  private isClosed = false;

  constructor(source: SnapshotSource) {
    this.source = source;
  }

  times(): MaybePromise<number[] | Failure> {
    return andThen(this.source.list(), (places) => {
      if (typeof places === "number") return places;
      this.places = places;
      this.listedMs = performance.now();
      const times = places.map(({ seconds }) => seconds);
      return this.source.grant.snapshots?.isAscending === true ? times.toReversed() : times;
    });
  }

  at(seconds: number): MaybePromise<Snapshot | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const isFresh = performance.now() - this.listedMs < FRESH_MS;
    return andThen(isFresh ? 0 : this.times(), (listed) => {
      if (typeof listed === "number" && listed < 0) return listed === -Errno.EIO ? listed : -Errno.ENOENT;
      const place = this.places.find((one) => one.seconds === seconds);
      return place === undefined ? -Errno.ENOENT : this.storeAt(place);
    });
  }

  close(): void {
    this.isClosed = true;
    for (const { store } of this.stores.values()) store.close();
    this.stores.clear();
  }

  private storeAt(place: ListedSnapshot): MaybePromise<Snapshot | Failure> {
    const { seconds, path } = place;
    const known = this.stores.get(seconds);
    if (known !== undefined && known.path === path) {
      this.stores.delete(seconds);
      this.stores.set(seconds, known);
      return known;
    }
    const waiting = this.opening.get(seconds);
    if (waiting !== undefined) return waiting;
    const opened = this.open(place);
    if (!(opened instanceof Promise)) return opened;
    const settled = opened.finally(() => this.opening.delete(seconds));
    this.opening.set(seconds, settled);
    return settled;
  }

  private open(place: ListedSnapshot): MaybePromise<Snapshot | Failure> {
    const { seconds, path } = place;
    return andThen(this.source.open(snapshotGrant(this.source.grant, place)), (opened) => {
      if (typeof opened === "number") return opened === -Errno.ENOTDIR ? -Errno.ENOENT : opened;
      const { store } = opened;
      // A user may have put a symlink there between the listing and the opening.
      if (opened.path !== path || this.isClosed) {
        store.close();
        return -Errno.ENOENT;
      }
      return this.keep(seconds, { store, path });
    });
  }

  private keep(seconds: number, snapshot: Snapshot): Snapshot {
    this.stores.get(seconds)?.store.close();
    this.stores.set(seconds, snapshot);
    for (const [oldest, { store }] of this.stores) {
      if (this.stores.size <= MAX_STORES) break;
      this.stores.delete(oldest);
      store.close();
    }
    return snapshot;
  }
}

function snapshotGrant(grant: ShareGrant, { seconds, path }: ListedSnapshot): SnapshotGrant {
  return {
    ...grant,
    path,
    directory: null,
    readOnly: true,
    wideLinks: false,
    recycle: null,
    snapshots: null,
    snapshotSeconds: seconds,
  };
}
