// The limits of open files: each session, each user and all users together have one, and each user leaves
// descriptors to the others. smbd answers TOO_MANY_OPENED_FILES, too.
import type { MaybePromise } from "../../../port/port.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import { userOf } from "../../state/open-usage.ts";
import type { Session } from "../../state/session.ts";

/**
 * Runs `create`, a CREATE of `session`, where the limits allow another open; else returns
 * TOO_MANY_OPENED_FILES. Until it ends it counts as an open with `descriptors`.
 */
export function withinLimits(
  context: EngineContext,
  session: Session,
  descriptors: number,
  create: () => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { opens, settings, manager } = context;
  const { usage } = opens;
  const user = userOf(session);
  const refusal = usage.refusalOf(user, opens.ofSession(session).size, descriptors, {
    perSession: settings.maxOpenFiles,
    perUser: settings.maxUserOpenFiles,
    total: settings.maxTotalOpenFiles,
    descriptors: context.descriptors.forOpens,
  });
  if (refusal !== undefined) {
    manager.notify({ event: "openLimit", user, limit: refusal });
    return Status.TOO_MANY_OPENED_FILES;
  }
  usage.add(user, descriptors);
  const end = (): void => usage.remove(user, descriptors);
  let outcome: MaybePromise<NtStatus>;
  try {
    outcome = create();
  } catch (error) {
    end();
    throw error;
  }
  if (outcome instanceof Promise) return outcome.finally(end);
  end();
  return outcome;
}
