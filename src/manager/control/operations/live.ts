// Operations that follow the server while it runs: events, and the last lines of the log.
import { LEVELS } from "../../log/log.ts";
import type { LogLine } from "../log-ring.ts";
import type { Operation } from "../operation.ts";
import { integer, objectOf, oneOf, text, words } from "../schema.ts";

const MAX_FILTER = 256;

/** What every event has; `data` differs by the event. */
interface EventItem {
  readonly event: "status" | "connections" | "log" | "changed";
}

export const LIVE_OPERATIONS = {
  events: {
    summary:
      "What happens, as it happens: 'status' (as GET /status) and 'connections' (with rates) every two seconds, " +
      "'log' for each line, 'changed' ({what: configuration, users or disks}).",
    args: {},
    required: [],
    item: objectOf<EventItem>({
      event: oneOf(["status", "connections", "log", "changed"], "Kind of the event."),
    }),
    answer: "stream",
    changes: false,
    http: { method: "GET", path: "/events" },
  },
  log: {
    summary: "The last lines of the log, kept from the first request on for ten minutes after the last one.",
    args: {
      level: oneOf(LEVELS, "This level and worse ones; by default all."),
      text: text(MAX_FILTER, "Lines that have this text, whatever its case."),
    },
    required: [],
    item: objectOf<LogLine>({
      time: integer("Milliseconds since 1970."),
      level: oneOf(LEVELS, "The level."),
      text: words("The line."),
    }),
    answer: "list",
    changes: false,
    http: { method: "GET", path: "/log" },
  },
} as const satisfies Readonly<Record<string, Operation>>;
