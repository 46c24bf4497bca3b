// Parameters of shares for what Macs store with files; vfs_fruit(8).
import { rowsOf } from "./parameter.ts";

const { flag } = rowsOf("share");

export const APPLE = [
  flag(
    "fruit:validate_afpinfo",
    "yes",
    "Refuse to store Finder information without Apple's signature in the stream AFP_AfpInfo. no: store it with the signature, to migrate data whose headers are wrong.",
  ),
] as const;
