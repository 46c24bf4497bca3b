// Every operation of the control socket and of the HTTP API, one row each: the check of arguments, the routes
// and the API's description are derived from it. commands.ts carries them out.
import type { Operation } from "./operation.ts";
import { CONFIGURATION_OPERATIONS } from "./operations/configuration.ts";
import { LIVE_OPERATIONS } from "./operations/live.ts";
import { SERVER_OPERATIONS } from "./operations/server.ts";
import { TABLE_OPERATIONS } from "./operations/tables.ts";
import { TOKEN_OPERATIONS } from "./operations/tokens.ts";
import { USER_OPERATIONS } from "./operations/users.ts";
import { WEB_OPERATIONS } from "./operations/web.ts";

const SOCKET_OPERATIONS = {
  ...TABLE_OPERATIONS,
  ...SERVER_OPERATIONS,
  ...CONFIGURATION_OPERATIONS,
  ...USER_OPERATIONS,
  ...LIVE_OPERATIONS,
  ...TOKEN_OPERATIONS,
} as const;

export const OPERATIONS = { ...SOCKET_OPERATIONS, ...WEB_OPERATIONS } as const;

export type OperationName = keyof typeof OPERATIONS;
/** Those that the control socket has. */
export type CommandName = keyof typeof SOCKET_OPERATIONS;

export function findOperation(name: string): Operation | undefined {
  return Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined;
}
