// Whether the client of a watch may learn of a change: asked of the store after each.
import type { MaybePromise } from "../../../port/port.ts";
import { lineOfError } from "../../../wire/printable.ts";
import type { FileStore } from "../../vfs/store.ts";

/**
 * For a watch of the folder whose path `directory` returns. Undefined: unknown, so the client lists the
 * folder anew. That is the answer where a worker fails as well; the log has the first such failure of the
 * watch.
 */
export function mayLearnBelow(
  store: Pick<FileStore, "seesBelow">,
  directory: () => string,
  log: { error(text: string): void },
): (path: string) => MaybePromise<boolean | undefined> {
  let isReported = false;
  const report = (error: unknown): undefined => {
    if (!isReported) log.error(`internal error in CHANGE_NOTIFY: ${lineOfError(error)}`);
    isReported = true;
    return undefined;
  };
  return (path) => {
    const answer = store.seesBelow(directory(), path);
    return answer instanceof Promise ? answer.catch(report) : answer;
  };
}
