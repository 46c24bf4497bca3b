// Starts the process of the web page and holds its link. It is this executable again, with an environment of
// its own and no descriptors but those it needs.
import { closeFd } from "../../linux/open.ts";
import { createSocketPair } from "../../linux/socket.ts";
import { runtimeOptions } from "../runtime-options.ts";
import { LineLink } from "./line-link.ts";
import { MAX_REQUEST_LINE, type ToProcess, type WebPlan } from "./link-messages.ts";

/** The verb of main.ts. */
export const WEB_VERB = "web-process";

/** Answers that wait for a process that takes none; one of several hundred users is about 100 KiB. */
const MAX_QUEUED_BYTES = 1024 * 1024;
const LIMITS = { maxLineBytes: MAX_REQUEST_LINE, maxQueuedBytes: MAX_QUEUED_BYTES } as const;

/**
 * The running executable itself: after an update its path is that of another version. A source tree is run by
 * the runtime, with the entry point as first argument.
 */
const COMMAND: readonly string[] = import.meta.url.includes("$bunfs")
  ? ["/proc/self/exe"]
  : [process.execPath, new URL("../../main.ts", import.meta.url).pathname];

export interface ChildUser {
  take(message: unknown): void;
  /** Once: why the process has ended, undefined where it did so by itself and without a fault. */
  ended(why: string | undefined): void;
}

export interface WebChild {
  readonly link: LineLink;
  send(message: ToProcess): void;
  kill(): void;
}

/** Undefined where there are no descriptors, no memory or no processes left. */
export function startChild(
  plan: Omit<WebPlan, "listeners">,
  listeners: readonly number[],
  user: ChildUser,
): WebChild | undefined {
  const pair = createSocketPair();
  if (typeof pair === "number") return undefined;
  const [own, its] = pair;
  let fault: string | undefined;
  let isEnded = false;
  const end = (why: string | undefined): void => {
    if (isEnded) return;
    isEnded = true;
    link.close();
    user.ended(why);
  };
  const link = new LineLink(own, LIMITS, {
    take: (message) => user.take(message),
    ended(why) {
      // The process ends by itself when its end of the link is closed; one that does not is stuck.
      fault = why;
      child?.kill("SIGKILL");
    },
  });
  const child = spawn(its, listeners, (status, signal) => end(fault ?? describeEnd(status, signal)));
  closeFd(its);
  if (child === undefined || !link.start()) {
    child?.kill("SIGKILL");
    link.close();
    return undefined;
  }
  link.send({ plan: { ...plan, listeners: listeners.length } } satisfies ToProcess);
  return {
    link,
    send: (message) => link.send(message),
    kill: () => child.kill("SIGKILL"),
  };
}

function spawn(
  link: number,
  listeners: readonly number[],
  ended: (status: number | null, signal: string | null) => void,
): Bun.Subprocess | undefined {
  try {
    return Bun.spawn([...COMMAND, WEB_VERB], {
      argv0: "minismbd",
      cwd: "/",
      env: runtimeOptions(),
      stdio: ["ignore", "ignore", "inherit", link, ...listeners],
      onExit: (_, status, signal) => ended(status, signal === null ? null : String(signal)),
    });
  } catch {
    return undefined;
  }
}

function describeEnd(status: number | null, signal: string | null): string | undefined {
  if (signal !== null) return `it was ended by ${signal}`;
  return status === 0 ? undefined : `it ended with status ${status}`;
}
