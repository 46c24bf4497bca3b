// The command `eject`: flushes and closes what is open on a disk, unmounts it, and says whether it can be
// taken out.
import { currentMounts, type Mount, mountOf } from "../../linux/mountinfo.ts";
import { timers } from "../../loop/timers.ts";
import type { EngineControl } from "../../port/control.ts";
import { askWorker } from "../worker-question.ts";
import type { Configuration } from "../config/load.ts";
import { HANGING, isInUse, type UnmountAnswer, unmountDisk } from "../volumes/unmount.ts";
import { placeOf } from "../volumes/places.ts";
import { ControlError } from "./protocol.ts";

/** What the command uses of the server. */
export interface EjectHost {
  readonly engine: Pick<EngineControl, "ejectVolume">;
  configuration(): Pick<Configuration, "shares" | "volumeDirectories">;
  /** Refuses the shares on that mount until it is unmounted. */
  holdBack(mount: Mount): void;
  note(text: string): void;
}

/** The item of `eject`. */
export interface EjectItem {
  readonly mountPoint: string;
  readonly source: string;
  /** Open files that were closed. */
  readonly closed: number;
  readonly outcome: UnmountAnswer["outcome"];
  readonly isSafe: boolean;
  /** What came of it, and what is to be done now. */
  readonly text: string;
}

const STILL_USED = "unmounted here, but another program or container still uses the disk";

/** Less than the 30 s that clients of the control socket wait. */
const LIMIT_MS = 25_000;

interface Outcome {
  readonly closed: number;
  readonly answer: UnmountAnswer;
}

/** Those under way, by the mount's number: a disk that hangs gets one worker. */
const underWay = new Map<number, Promise<Outcome>>();

/** Which disk: by a share on it, or by where it is mounted. */
export interface EjectArguments {
  readonly share: string | undefined;
  readonly mountPoint: string | undefined;
  /** The same as `mountPoint`. */
  readonly path: string | undefined;
}

export async function* eject(host: EjectHost, args: EjectArguments): AsyncIterable<EjectItem> {
  const mount = findMount(host, args);
  host.holdBack(mount);
  const work = underWay.get(mount.mountId) ?? letGo(host, mount);
  const done = await Promise.race([work, timers.sleep(LIMIT_MS)]);
  if (done === undefined) void work.then((late) => note(host, mount, late));
  const outcome = done ?? { closed: 0, answer: HANGING };
  note(host, mount, outcome);
  yield itemOf(mount, outcome);
}

function letGo(host: EjectHost, mount: Mount): Promise<Outcome> {
  const work = host.engine
    .ejectVolume(mount.mountPoint)
    .then(async (closed) => ({ closed, answer: await askToUnmount(mount) }))
    .finally(() => underWay.delete(mount.mountId));
  underWay.set(mount.mountId, work);
  return work;
}

/**
 * For a command of an administrator: unmounts what the server may not, or what it sees a copy of, in the
 * place where the command runs.
 */
export function ejectHere(item: EjectItem): EjectItem {
  // A server without devices cannot ask whether somebody has this one.
  if (item.isSafe && isInUse(item.source)) return { ...item, isSafe: false, text: STILL_USED };
  const mount = currentMounts().findLast(
    ({ mountPoint, source }) => mountPoint === item.mountPoint && source === item.source,
  );
  if (item.outcome !== "refused" || mount === undefined) return item;
  return itemOf(mount, { closed: item.closed, answer: unmountDisk(mount) });
}

function itemOf(mount: Mount, { closed, answer }: Outcome): EjectItem {
  const { mountPoint, source } = mount;
  const { outcome } = answer;
  return { mountPoint, source, closed, outcome, isSafe: isSafe(answer), text: describeEject(answer, mount) };
}

function note(host: EjectHost, mount: Mount, { closed, answer }: Outcome): void {
  host.note(`${mount.mountPoint} ejected, open files closed: ${closed}; ${describeEject(answer, mount)}`);
}

/** Throws ControlError. */
function findMount(host: EjectHost, { share, path, mountPoint: given = path }: EjectArguments): Mount {
  const mounts = currentMounts();
  const { shares, volumeDirectories } = host.configuration();
  const found = [...shares.values()].find(({ name }) => name === share);
  const mount =
    given === undefined
      ? found && mountOf(mounts, found.path)
      : mounts.findLast(({ mountPoint }) => mountPoint === given);
  if (mount === undefined) throw new ControlError("name a share, or the path of a mount point", "not-found");
  if (mount.mountPoint === "/") throw new ControlError("the root file system cannot be ejected", "refused");
  if (placeOf(mount.mountPoint, volumeDirectories) === "system")
    throw new ControlError(`${mount.mountPoint} is a part of the system`, "refused");
  return mount;
}

async function askToUnmount({ mountPoint, source, isSlave }: Mount): Promise<UnmountAnswer> {
  const answer = await askWorker<UnmountAnswer>("manager/volumes/unmount-worker.ts", {
    mountPoint,
    source,
    isSlave,
  });
  return typeof answer === "string" ? { ...HANGING, outcome: "failed", reason: answer } : answer;
}

function isSafe({ outcome, alsoMounted, isDeviceInUse, writeFault }: UnmountAnswer): boolean {
  return outcome === "unmounted" && alsoMounted.length === 0 && !isDeviceInUse && writeFault === "";
}

/** One sentence for a user. */
export function describeEject(answer: UnmountAnswer, { mountPoint }: Pick<Mount, "mountPoint">): string {
  const { outcome, holders, alsoMounted, isDeviceInUse, reason, writeFault } = answer;
  switch (outcome) {
    case "unmounted":
      if (writeFault !== "")
        return `unmounted, but the disk did not take all data (${writeFault}): what was written last is lost`;
      if (alsoMounted.length > 0)
        return `unmounted, but the disk is still mounted at ${alsoMounted.join(", ")}: eject that as well`;
      if (isDeviceInUse) return STILL_USED;
      return "unmounted, the disk can be taken out";
    case "busy":
      return holders.length === 0
        ? `not unmounted: another program uses it; end that, then run umount ${mountPoint}`
        : `not unmounted, still used by ${holders.join(", ")}: end that, then run umount ${mountPoint}`;
    case "refused":
      return `closed, but the server may not unmount it: run umount ${mountPoint} as root`;
    case "hanging":
      return "not unmounted yet: the disk does not finish in time; leave it plugged in and eject it again";
    case "failed":
      return `not unmounted (${reason}): run umount ${mountPoint} as root`;
  }
}
