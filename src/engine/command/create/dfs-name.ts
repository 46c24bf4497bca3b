// The name in a CREATE of a DFS client: it begins with server and share. [MS-SMB2] 3.3.5.9
// (SMB2_FLAGS_DFS_OPERATIONS); [MS-DFSC] 3.2.4.1.
import type { CreateRequest } from "../../../wire/command/create.ts";
import { HeaderFlag } from "../../../wire/header.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";

/** `server\share\path`; smbd also accepts a separator in front. */
const DFS_NAME = /^[\\/]*[^\\/]+[\\/]+([^\\/]+)(?:[\\/]+|$)/;

/**
 * Makes the name relative to the share where the request has the flag. As on smbd, a name that does not begin
 * with a server and this share already is.
 */
export function withoutDfsPrefix(exchange: Exchange, tree: Tree, request: CreateRequest): CreateRequest {
  if ((exchange.flags & HeaderFlag.DFS_OPERATIONS) === 0 || !exchange.context.settings.dfs) return request;
  const found = DFS_NAME.exec(request.name);
  if (found?.[1]?.toLowerCase() !== tree.grant.name.toLowerCase()) return request;
  return { ...request, name: request.name.slice(found[0].length) };
}
