// What the stub server shows: the boxes of a family, with names that somebody else may have chosen.
import type { StubData, StubShare } from "./stub-server.ts";

/** In each name that comes from clients, disks or files. */
export const HOSTILE = `<img src=x onerror="window.hacked=1">&lt;b&gt;"'\u202e\\`;

const FILE = "/etc/ksmbd/ksmbd.conf";

export function stubData(extra: string): StubData {
  return {
    serverName: `ATTIC${extra}`,
    shares: [
      share(`Photos${extra}`, "/mnt/disk/photos", 12, { comment: `Everybody's pictures${extra}` }),
      share(`Films${extra}`, "/mnt/disk/films", 20, { readOnly: true, guestOk: true }),
      share("Backup", "/mnt/old/backup", 27, { isServed: false }),
      share("Music", "/mnt/disk/musik", 33, {
        faults: [
          {
            parameter: "path",
            kind: "error",
            line: 34,
            message: `/mnt/disk/musik does not exist${extra}; make it or correct the path`,
          },
        ],
      }),
    ],
    users: [user(`anna${extra}`, true), user("ben"), user("television")],
    disks: [
      disk(`Photos 2024${extra}`, `/mnt/disk${extra}`, "ext4", [`Photos${extra}`, `Films${extra}`], 0.62),
      disk("STICK", "/mnt/stick", "exfat", [], 0.9),
      {
        ...disk("Old disk", "/mnt/old", "ntfs3", ["Backup"], 0.97),
        isReadOnly: true,
        state:
          "It was not unplugged safely from Windows, so it is read-only. Plug it into Windows and eject it there.",
      },
    ],
    sessions: [
      session(1, `anna${extra}`, "192.168.1.23", { isEncrypted: true, opens: 2 }),
      session(2, "television", "192.168.1.40", { mustSign: false, dialect: 0x0210 }),
    ],
    connections: [connection(11, "192.168.1.23", 1, 81), connection(12, "192.168.1.40", 2, 7)],
    opens: [open(1, 1, `Photos${extra}`, `2024/summer/IMG_4711${extra}.jpg`), open(2, 1, "Photos", "2024")],
    log: [
      line(0, "info", "minismbd listens on port 445"),
      line(3, "info", `'anna${extra}' logged on from 192.168.1.23`),
      line(9, "warn", "[Backup]: /mnt/old is read-only"),
      line(12, "error", `'eve${extra}' from 192.168.1.66: wrong password`),
    ],
    settings: [
      parameter(
        "server string",
        `The disk in the attic${extra}`,
        3,
        "Text beside the server's name in lists.",
      ),
      parameter("netbios name", "ATTIC", 2, "Name of the server."),
      parameter("workgroup", "WORKGROUP", undefined, "Workgroup or domain that lists show."),
      {
        ...parameter("map to guest", "bad user", 5, "Who becomes the guest instead of being refused."),
        ...{ kind: "choice", choices: ["never", "bad user", "bad password"] },
      },
      {
        ...parameter("log level", "info", undefined, "How much is logged."),
        kind: "choice",
        choices: ["error", "info"],
      },
      parameter("deadtime", "0", undefined, "Minutes after which idle clients are disconnected."),
      parameter("max connections", "128", 6, "Connections that the server keeps at most."),
      ...Array.from({ length: 30 }, (_, i) =>
        parameter(`option ${i + 1}`, "", undefined, "One of the many that few people need."),
      ),
    ],
  };
}

function user(name: string, isAdmin = false) {
  return { name, isAdmin, isStored: true };
}

function share(name: string, path: string, at: number, more: Partial<StubShare>): StubShare {
  const { comment = "", readOnly = false, guestOk = false } = more;
  const flag = (isOn: boolean): string => (isOn ? "yes" : "no");
  const yesNo = { kind: "boolean" };
  return {
    ...{
      name,
      path,
      comment,
      readOnly,
      guestOk,
      browseable: true,
      kind: "share",
      isServed: true,
      isEditable: true,
      faults: [],
    },
    writtenIn: { file: FILE, line: at },
    parameters: [
      parameter("path", path, at + 1, "Absolute path of the directory to share."),
      parameter(
        "comment",
        comment,
        comment === "" ? undefined : at + 2,
        "Text beside the share's name in lists.",
      ),
      { ...parameter("read only", flag(readOnly), at + 3, "Clients cannot change anything."), ...yesNo },
      {
        ...parameter("guest ok", flag(guestOk), guestOk ? at + 4 : undefined, "Guests may connect."),
        ...yesNo,
      },
      { ...parameter("browseable", "yes", undefined, "The share appears in lists."), ...yesNo },
      parameter("create mask", "0664", at + 5, "Mode bits that a new file may have."),
      parameter("valid users", "", undefined, "Users who may connect, and nobody else; empty: all."),
      parameter("veto files", "", undefined, "Names that clients neither see nor make."),
    ],
    access: [
      { user: "anna", access: "write" },
      { user: "ben", access: "read" },
      { user: "television", access: "none" },
    ],
    ...more,
  };
}

function parameter(name: string, value: string, line: number | undefined, description: string) {
  return {
    ...{ name, value, default: "", isDefault: line === undefined, isSet: line !== undefined },
    ...{ description, kind: "text", isEditable: true, needsRestart: name === "netbios name" },
    ...(line !== undefined && { line }),
  };
}

function disk(
  label: string,
  mountPoint: string,
  fileSystem: string,
  shares: readonly string[],
  used: number,
) {
  const totalBytes = 2_000_398_934_016;
  return {
    ...{ label, mountPoint, source: "/dev/sda1", fileSystem, isReadOnly: false, isEjected: false },
    ...{
      isRemovable: true,
      health: { state: used < 0.95 ? "good" : "unknown", message: "" },
      shares,
      opens: shares.length,
      totalBytes,
    },
    freeBytes: Math.round(totalBytes * (1 - used)),
  };
}

function session(id: number, user: string, remoteAddress: string, more: object): object {
  return {
    ...{
      id,
      user,
      domain: "",
      isGuest: false,
      isAnonymous: false,
      remoteAddress,
      dialect: 0x0311,
      cipher: 2,
    },
    ...{
      isEncrypted: false,
      signingAlgorithm: 2,
      mustSign: true,
      connections: [id + 10],
      trees: 1,
      opens: 0,
    },
    ...{ ageMs: 8_400_000, idleMs: 4000, ...more },
  };
}

function connection(id: number, remoteAddress: string, sessionId: number, millions: number) {
  const traffic = { requests: 9, failures: 0, receivedBytes: 1e6, sentBytes: millions * 1e6 };
  return { ...{ id, remoteAddress, dialect: 0x0311, isLoggedOn: true, sessions: [sessionId] }, traffic };
}

function open(id: number, sessionId: number, shareName: string, path: string): object {
  return { id, session: sessionId, share: shareName, path, stream: "", isDirectory: false, isPipe: false };
}

function line(seconds: number, level: string, text: string) {
  return { time: 1_795_942_800_000 + seconds * 1000, level, text };
}
