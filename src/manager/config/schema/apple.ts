// Parameters of Apple's extensions of SMB and of what Macs store with files; vfs_fruit(8).
import { rowsOf } from "./parameter.ts";

const { flag: globalFlag, text: globalText } = rowsOf("global");
const { flag } = rowsOf("share");

export const APPLE = [
  globalFlag(
    "fruit:aapl",
    "yes",
    "Answer macOS' create context AAPL, by which it takes the server for a Mac's and uses Apple's extensions of SMB. For all shares.",
  ),
  globalText(
    "aapl model",
    "MacSamba",
    "Model whose icon macOS shows for the server, such as `Xserve`, `TimeCapsule8,119` or `MacPro7,1`; multicast DNS announces it as well.",
    { aliases: ["fruit:model"] },
  ),
  flag(
    "fruit:validate_afpinfo",
    "yes",
    "Refuse to store Finder information without Apple's signature in the stream AFP_AfpInfo. no: store it with the signature, to migrate data whose headers are wrong.",
  ),
] as const;
