// FSCTL_DFS_GET_REFERRALS and FSCTL_DFS_GET_REFERRALS_EX: where a path of a DFS root, or a share that stands
// for others, leads. [MS-SMB2] 3.3.5.15.2; [MS-DFSC] 3.2.5.1.
import { Writer } from "../../../wire/cursor.ts";
import { Fsctl } from "../../../wire/fscc/fsctl.ts";
import {
  decodeReferralRequest,
  decodeReferralRequestEx,
  encodeReferrals,
  type Referrals,
} from "../../../wire/fscc/referral.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { MaybePromise, ShareGrant } from "../../../port/port.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Session } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { openStore } from "../../vfs/local/local-store.ts";
import { parsePath } from "../../vfs/name/client-path.ts";
import { type DfsLink, dfsTargetsOf } from "../../vfs/name/dfs-target.ts";
import type { Failure, FileStore } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";

/** How long a client may use a referral without asking again; smbd's. */
const TTL_SECONDS = 600;
/** The largest response that a client asks for; [MS-DFSC] 3.3.5.2. */
const MAX_RESPONSE_BYTES = 57_344;
/** A path that is longer does not fit into a response. */
const MAX_PATH_UNITS = MAX_RESPONSE_BYTES / 2;

export function getReferrals(exchange: Exchange, request: IoctlRequest): MaybePromise<NtStatus> {
  const { context, session } = exchange;
  if (!context.settings.dfs) return Status.FS_DRIVER_REQUIRED;
  const isExtended = request.ctlCode === Fsctl.DFS_GET_REFERRALS_EX;
  const { maxLevel, path } = (isExtended ? decodeReferralRequestEx : decodeReferralRequest)(request.input);
  if (path.length > MAX_PATH_UNITS) return Status.INVALID_PARAMETER;
  const [server, share, ...below] = path.split("\\").filter((name) => name !== "");
  // A request for domains or their controllers has no share.
  if (session?.identity === undefined || server === undefined || share === undefined) return Status.NOT_FOUND;
  return andThen(context.manager.connectShare({ share, identity: session.identity }), (grant) => {
    if ("status" in grant) return grant.status === Status.BAD_NETWORK_NAME ? Status.NOT_FOUND : grant.status;
    return andThen(referralsOf(session, grant, `\\${server}\\${share}`, below), (found) =>
      typeof found === "number" ? found : answerReferrals(exchange, request, maxLevel, found),
    );
  });
}

/** `below`: the names of the path after the share. */
function referralsOf(
  session: Session,
  grant: ShareGrant,
  root: string,
  below: readonly string[],
): MaybePromise<Referrals | NtStatus> {
  const { isRoot, proxied, shuffles } = grant.dfs;
  if (proxied !== "") return referTo(root, proxied, shuffles);
  if (!isRoot) return Status.NOT_FOUND;
  if (below.length === 0) return { isRoot, path: root, targets: [root], ttlSeconds: TTL_SECONDS };
  const path = parsePath(below.join("\\"), Number.MAX_SAFE_INTEGER);
  // The client counts in its own path: nothing may have been taken out of it.
  if (typeof path === "number" || path.components.length !== below.length) return Status.NOT_FOUND;
  return andThen(openStore(grant), (store) => {
    if (typeof store === "number") return statusOf(store);
    store.isForMac = session.isApple;
    return andThen(findLink(store, path.components), (link) => {
      if (link === undefined) return Status.NOT_FOUND;
      if (typeof link === "number") return statusOf(link);
      return referTo([root, ...below.slice(0, link.depth)].join("\\"), link.target, shuffles);
    });
  });
}

/** Closes the store. */
function findLink(
  store: FileStore,
  components: readonly string[],
): MaybePromise<DfsLink | undefined | Failure> {
  const link = store.dfsLink?.(components);
  if (link instanceof Promise) return link.finally(() => store.close());
  store.close();
  return link;
}

function referTo(path: string, written: string, shuffles: boolean): Referrals | NtStatus {
  const targets = dfsTargetsOf(written);
  if (targets.length === 0) return Status.NOT_FOUND;
  if (shuffles) shuffle(targets);
  return { isRoot: false, path, targets, ttlSeconds: TTL_SECONDS };
}

function shuffle(targets: string[]): void {
  for (let end = targets.length - 1; end > 0; end--) {
    const at = Math.floor(Math.random() * (end + 1));
    [targets[end], targets[at]] = [targets[at] ?? "", targets[end] ?? ""];
  }
}

/** [MS-DFSC] 3.2.5.1: only complete entries are returned; BUFFER_OVERFLOW where not even one fits. */
function answerReferrals(
  exchange: Exchange,
  request: IoctlRequest,
  maxLevel: number,
  referrals: Referrals,
): NtStatus {
  const room = Math.min(request.maxOutputResponse, MAX_RESPONSE_BYTES);
  const writer = new Writer(new Uint8Array(room));
  if (encodeReferrals(writer, maxLevel, referrals, room) === 0) return Status.BUFFER_OVERFLOW;
  answerIoctl(exchange, request, writer.bytes.subarray(0, writer.position));
  return Status.SUCCESS;
}
