// Operations on the running server and its clients: shares and users as they are now, disks, what an
// administrator ends, reload, log level, stop.
import type { UnmountAnswer } from "../../volumes/unmount.ts";
import type { DebugComponent } from "../../../port/port.ts";
import type { DiskHealth } from "../../volumes/disk-health.ts";
import { COMPONENTS } from "../../log/levels.ts";
import { LEVELS } from "../../log/log.ts";
import type { DiskItem } from "../disks.ts";
import type { EjectItem } from "../eject.ts";
import type { Operation } from "../operation.ts";
import { flag, integer, listOf, objectOf, oneOf, text, words } from "../schema.ts";

/** Longest names of users, shares and addresses, and longest paths, that are taken as arguments. */
export const MAX_NAME = 256;
export const MAX_PATH = 4096;

const OUTCOMES: readonly UnmountAnswer["outcome"][] = ["unmounted", "busy", "refused", "hanging", "failed"];

const DISK = objectOf<DiskItem>(
  {
    mountPoint: words("Where it is mounted."),
    source: words("The device."),
    fileSystem: words("Type of the file system."),
    label: words("The file system's label; absent where it has none."),
    health: objectOf<DiskHealth>({
      state: oneOf(
        ["good", "failing", "unknown"],
        "As far as the kernel tells it; unknown: it counts no errors.",
      ),
      message: words("A sentence for people; empty: there is nothing to say."),
    }),
    isReadOnly: flag("It is mounted read-only."),
    state: words("Why it is read-only, and what helps."),
    isEjected: flag("Its shares are refused until it is unmounted."),
    isRemovable: flag("A disk that can be unplugged, no part of the system."),
    shares: listOf(words("A share's name."), "Its shares; empty where it is not shared."),
    opens: integer("Open files of clients."),
    totalBytes: integer("Absent where the disk does not tell it."),
    freeBytes: integer("Absent where the disk does not tell it."),
    fault: words("Name of an errno where the disk does not tell its space; ETIMEDOUT: it hangs."),
  },
  "label",
  "state",
  "totalBytes",
  "freeBytes",
  "fault",
);

const EJECTED = objectOf<EjectItem>({
  mountPoint: words("Where it was mounted."),
  source: words("The device."),
  closed: integer("Open files that were closed."),
  outcome: oneOf(OUTCOMES, "What the kernel answered."),
  isSafe: flag("The disk can be taken out."),
  text: words("What came of it and what is to be done now, a sentence for a user."),
});

/** An item of `kick`: a session or a connection that was ended. */
export interface EndedClient {
  readonly session?: number;
  readonly connection?: number;
  readonly user?: string;
  readonly remoteAddress: string;
}

/** An item of `close`. */
export interface ClosedOpen {
  readonly open: number;
  readonly share: string;
  readonly path: string;
  readonly user: string;
  /** NTSTATUS of the close. */
  readonly status: number;
}

/** An item of `debug`; `isOn` as it is after the change. */
export interface ComponentState {
  readonly component: DebugComponent;
  readonly isOn: boolean;
}

/** An item of `shares`. */
export interface ServedShare {
  readonly name: string;
  readonly path: string;
  readonly comment: string;
  readonly readOnly: boolean;
  readonly guestOk: boolean;
  readonly browseable: boolean;
}

export const SERVER_OPERATIONS = {
  disks: {
    summary: "The disks that shares are on, and those that are plugged in and not shared.",
    args: {},
    required: [],
    item: DISK,
    answer: "list",
    changes: false,
    http: { method: "GET", path: "/disks" },
  },
  shares: {
    summary: "The shares that clients find now, those of plugged-in disks included.",
    args: {},
    required: [],
    item: objectOf<ServedShare>({
      name: words("The share's name."),
      path: words("Its directory."),
      comment: words("Text beside the name in lists."),
      readOnly: flag("Nobody but the 'write list' changes anything."),
      guestOk: flag("Guests may connect."),
      browseable: flag("It appears in lists."),
    }),
    answer: "list",
    changes: false,
    http: { method: "GET", path: "/served-shares" },
  },
  reload: {
    summary: "Reads configuration and users again.",
    args: {},
    required: [],
    answer: "none",
    changes: true,
    http: { method: "POST", path: "/reload" },
  },
  loglevel: {
    summary: "Sets the log level until the next reload.",
    args: { level: oneOf(LEVELS, "The level.") },
    required: ["level"],
    answer: "none",
    changes: true,
    http: { method: "POST", path: "/log-level" },
  },
  debug: {
    summary:
      "Switches the debug lines of a component until the server stops; without one it changes nothing.",
    args: { component: text(MAX_NAME, `all, ${COMPONENTS.join(", ")}`) },
    required: [],
    item: objectOf<ComponentState>({
      component: oneOf(COMPONENTS, "The component."),
      isOn: flag("Its lines are written now."),
    }),
    answer: "list",
    changes: true,
    http: { method: "POST", path: "/debug" },
  },
  kick: {
    summary: "Ends sessions and connections; one argument at least must be there.",
    args: {
      connection: integer("Id of a connection."),
      session: integer("Id of a session."),
      user: text(MAX_NAME, "All sessions of this user."),
      address: text(MAX_NAME, "All sessions and connections from this address."),
    },
    required: [],
    item: objectOf<EndedClient>(
      {
        session: integer("Id of the session that was ended."),
        connection: integer("Id of the connection that was closed."),
        user: words("The session's user."),
        remoteAddress: words("The client's address."),
      },
      "session",
      "connection",
      "user",
    ),
    answer: "list",
    changes: true,
    http: { method: "POST", path: "/kick" },
  },
  close: {
    summary: "Closes an open file, or all opens of a file by share and path.",
    args: {
      open: integer("Id of an open."),
      share: text(MAX_NAME, "The file's share."),
      path: text(MAX_PATH, "The file's path below the share."),
    },
    required: [],
    item: objectOf<ClosedOpen>({
      open: integer("Id of the open."),
      share: words("The file's share."),
      path: words("The file's path below the share."),
      user: words("Who had it open."),
      status: integer("NTSTATUS of the close."),
    }),
    answer: "list",
    changes: true,
    http: { method: "POST", path: "/close" },
  },
  eject: {
    summary: "Flushes, closes and unmounts a disk, and says whether it can be taken out.",
    args: {
      share: text(MAX_NAME, "A share on the disk."),
      mountPoint: text(MAX_PATH, "Where the disk is mounted."),
      path: text(MAX_PATH, "The same as mountPoint."),
    },
    required: [],
    item: EJECTED,
    answer: "one",
    changes: true,
    http: { method: "POST", path: "/eject" },
  },
  stop: {
    summary: "Stops the server.",
    args: {},
    required: [],
    answer: "none",
    changes: true,
  },
} as const satisfies Readonly<Record<string, Operation>>;
