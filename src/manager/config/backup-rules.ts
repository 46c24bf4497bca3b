// `time machine` and its limits; vfs_fruit(8).
import type { SectionValues } from "./section-values.ts";

/** True for a target of Time Machine; warns of what keeps Macs from backing up to it. */
export function readTimeMachine(values: SectionValues, globals: SectionValues): boolean {
  if (!values.boolean("time machine")) return false;
  const absent = [
    ...(["fruit:aapl", "smb2 leases"] as const).filter((name) => !globals.boolean(name)),
    ...(["oplocks"] as const).filter((name) => !values.boolean(name)),
  ];
  // Macs ask for FULL_SYNC and for durable opens, which need a lease (smbfs_vnops.c of Apple's SMBClient).
  for (const name of absent)
    values.warn("time machine", `Macs do not back up to the share without '${name} = yes'`);
  return true;
}

/** Bytes; 0: no limit. */
export function readBackupLimits(values: SectionValues) {
  return {
    timeMachineMaxBytes: values.number("time machine max size") ?? 0,
    timeMachineMaxMachineBytes: values.number("time machine max size per machine") ?? 0,
  } as const;
}
