// How long a reply the client asks for: the fields of requests that limit it. [MS-SMB2] 2.2.19, 2.2.31,
// 2.2.33, 2.2.37.
import { BODY } from "../body.ts";
import { Command } from "../header.ts";
import type { Message } from "../cursor.ts";

/** Where a request says how many bytes of data its reply may have. */
const LENGTH_AT = {
  [Command.READ]: BODY + 4,
  [Command.IOCTL]: BODY + 44,
  [Command.QUERY_DIRECTORY]: BODY + 28,
  [Command.QUERY_INFO]: BODY + 4,
} as const;

/**
 * Bytes of data that the reply may have, as the client says, whose fixed part is there; 0 for other commands.
 */
export function replyExtent(command: number, message: Message): number {
  switch (command) {
    case Command.READ:
    case Command.IOCTL:
    case Command.QUERY_DIRECTORY:
    case Command.QUERY_INFO:
      return message.u32(LENGTH_AT[command]);
    default:
      return 0;
  }
}
