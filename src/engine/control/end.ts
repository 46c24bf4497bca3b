// What the administrator ends: connections, sessions, tree connects, opens.
import type { MaybePromise } from "../../port/port.ts";
import type { NtStatus } from "../../wire/status.ts";
import { closeOpen, closeTree, loseSession } from "../command/close/teardown.ts";
import type { EngineContext } from "../connection/context.ts";
import { andThen } from "../and-then.ts";

/** Ends a session; its durable opens do not wait for the client. False where there is none with that id. */
export function endSession(context: EngineContext, id: number): MaybePromise<boolean> {
  const session = context.sessions.get(id);
  if (session === undefined) return false;
  for (const open of context.opens.ofSession(session)) open.durability = undefined;
  return andThen(loseSession(context, session), () => true);
}

export function endTree(context: EngineContext, sessionId: number, treeId: number): MaybePromise<boolean> {
  const tree = context.sessions.get(sessionId)?.trees.get(treeId);
  return tree === undefined ? false : andThen(closeTree(context, tree), () => true);
}

/** Closes an open by its id; undefined where there is none. */
export function closeOpenById(context: EngineContext, id: number): MaybePromise<NtStatus | undefined> {
  const open = context.opens.find(id);
  if (open === undefined) return undefined;
  open.durability = undefined;
  return closeOpen(context, open);
}
