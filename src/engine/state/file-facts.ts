// By what a file is known to be the same one with the same data after another server took over: its identity,
// size and times.
import type { Time } from "../../wire/filetime.ts";
import type { FileStat } from "../vfs/store.ts";

export interface FileFacts {
  /** FileNode.identity: device and inode. */
  readonly identity: string;
  readonly size: number;
  readonly modify: Time;
  /** ctime: also a change of times or rights by a local program counts. */
  readonly change: Time;
  readonly birth: Time;
}

export function factsOf(identity: string, stat: FileStat): FileFacts {
  return {
    identity,
    size: stat.size,
    modify: { seconds: stat.modifySeconds, nanoseconds: stat.modifyNanoseconds },
    change: { seconds: stat.changeSeconds, nanoseconds: stat.changeNanoseconds },
    birth: { seconds: stat.birthSeconds, nanoseconds: stat.birthNanoseconds },
  };
}

/** True where the file that is there now is the one of the facts, unchanged. */
export function isUnchanged(facts: FileFacts, now: FileFacts): boolean {
  return (
    facts.identity === now.identity &&
    facts.size === now.size &&
    isSameTime(facts.modify, now.modify) &&
    isSameTime(facts.change, now.change) &&
    isSameTime(facts.birth, now.birth)
  );
}

function isSameTime(a: Time, b: Time): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
}
