// A router's ubus as LuCI's pages see it: UCI with its changes, minismbd's object and the log, with names that are
// hostile wherever somebody else chooses them. Every call is kept.

export interface Call {
  readonly object: string;
  readonly method: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Executed if a page takes a name for HTML: it sets the window's `hacked`. */
export const HOSTILE = `</textarea><img src=x onerror="window.hacked=1">&amp;'"`;

/** Names as people give them. */
export const PLAIN = "";

type Section = Record<string, unknown>;
type Handler = (fields: Readonly<Record<string, unknown>>) => unknown;

const MIB = 1 << 20;
const NOT_FOUND = 4;

export class StubUbus {
  readonly calls: Call[] = [];
  /** With a text every call of minismbd's object fails with it. */
  fault: string | undefined;
  private readonly extra: string;
  private readonly sections: Map<string, Section>;
  private readonly users: Set<string>;
  private isEjected = false;
  private changes: unknown[] = [];
  private lastSection = 0xf0;

  /** `extra` is a part of all names. */
  constructor(extra: string) {
    this.extra = extra;
    this.users = new Set(["anna", `eve${extra}`]);
    this.sections = new Map<string, Section>([
      ["cfg01", { ".type": "globals", ".anonymous": true, workgroup: "WORKGROUP", interface: "lan" }],
      [
        "cfg02",
        {
          ".type": "share",
          ".anonymous": true,
          name: "Photos",
          path: "/mnt/sda1/photos",
          users: "anna",
          read_only: "no",
          guest_ok: "no",
        },
      ],
      [
        "cfg03",
        {
          ".type": "share",
          ".anonymous": true,
          name: `Films${extra}`,
          path: `/mnt/usb${extra}`,
          guest_ok: "yes",
        },
      ],
    ]);
  }

  /** Returns the answer's `result`: a code, and with code 0 the data. */
  answer(object: string, method: string, fields: Readonly<Record<string, unknown>>): unknown[] {
    this.calls.push({ object, method, fields });
    if (object === "minismbd" && this.fault !== undefined) return [0, { error: this.fault }];
    const handler = this.handlers[`${object}.${method}`];
    return handler === undefined ? [NOT_FOUND] : [0, handler(fields)];
  }

  private readonly handlers: Readonly<Record<string, Handler>> = {
    "session.access": () => ({ access: true }),
    "luci.getFeatures": () => ({}),
    "file.list": () => ({ entries: [] }),
    "uci.get": ({ config }) => ({ values: config === "ksmbd" ? this.valuesNow() : {} }),
    "uci.changes": () => ({ changes: this.changes.length > 0 ? { ksmbd: this.changes } : {} }),
    "uci.add": (fields) => this.addSection(fields),
    "uci.set": (fields) => this.setOptions(fields),
    "uci.delete": () => ({}),
    "uci.order": () => ({}),
    "uci.apply": () => ({}),
    "uci.confirm": () => {
      this.changes = [];
      return {};
    },
    "log.read": () => ({ log: logLines(this.extra) }),
    "network.interface.dump": () => ({ interface: [{ interface: "lan", proto: "static", up: true }] }),
    "network.get_proto_handlers": () => ({}),
    "luci-rpc.getNetworkDevices": () => ({}),
    "luci-rpc.getWirelessDevices": () => ({}),
    "luci-rpc.getHostHints": () => ({}),
    "luci-rpc.getBoardJSON": () => ({}),
    "minismbd.status": () => ({ items: [STATUS] }),
    "minismbd.sessions": () => ({ items: sessions(this.extra) }),
    "minismbd.users": () => ({ items: [...this.users].map((name) => ({ name })) }),
    "minismbd.disks": () => ({ items: this.disksNow() }),
    "minismbd.testparm": () => ({ version: 1, notes: notes(this.extra) }),
    "minismbd.kick": ({ session }) => ({ items: [{ session }] }),
    "minismbd.eject": ({ path }) => {
      this.isEjected = true;
      const text = "unmounted, the disk can be taken out";
      const item = {
        mountPoint: path,
        source: "/dev/sda1",
        closed: 2,
        outcome: "unmounted",
        isSafe: true,
        text,
      };
      return { items: [item] };
    },
    "minismbd.adduser": ({ user }) => {
      if (this.users.has(String(user))) return { error: `user '${user}' is there already` };
      this.users.add(String(user));
      return { items: [] };
    },
    "minismbd.passwd": () => ({ items: [] }),
    "minismbd.deluser": ({ user }) => {
      this.users.delete(String(user));
      return { items: [] };
    },
  };

  private valuesNow(): Record<string, Section> {
    const rows = [...this.sections].map(([name, section], index): [string, Section] => [
      name,
      { ...section, ".name": name, ".index": index },
    ]);
    return Object.fromEntries(rows);
  }

  private addSection({ type, values }: Readonly<Record<string, unknown>>): object {
    const section = `cfg${(++this.lastSection).toString(16)}`;
    this.sections.set(section, { ".type": type, ".anonymous": true, ...(values as Section | undefined) });
    this.changes.push(["add", section, type]);
    return { section };
  }

  private setOptions({ section, values }: Readonly<Record<string, unknown>>): object {
    Object.assign(this.sections.get(String(section)) ?? {}, values);
    for (const [key, value] of Object.entries(values as Section))
      this.changes.push(["set", section, key, value]);
    return {};
  }

  private disksNow(): object[] {
    const usb = {
      mountPoint: "/mnt/sda1",
      source: "/dev/sda1",
      fileSystem: "ext4",
      isReadOnly: false,
      isEjected: false,
      isRemovable: true,
      shares: ["Photos"],
      opens: 2,
      totalBytes: 931_000 * MIB,
      freeBytes: 250_000 * MIB,
    };
    const hostile = {
      ...usb,
      mountPoint: `/mnt/usb${this.extra}`,
      source: "/dev/sdb1",
      fileSystem: "vfat",
      isReadOnly: true,
      state: `it is mounted read-only: mount -o remount,rw /mnt/usb${this.extra}`,
      shares: [`Films${this.extra}`],
      opens: 0,
      totalBytes: 29_000 * MIB,
      freeBytes: 1000 * MIB,
    };
    const hanging = {
      mountPoint: "/mnt/sdc1",
      source: "/dev/sdc1",
      fileSystem: "ntfs",
      isReadOnly: false,
      isEjected: false,
      isRemovable: true,
      shares: [],
      opens: 0,
      fault: "ETIMEDOUT",
    };
    return [...(this.isEjected ? [] : [usb]), hostile, hanging];
  }
}

const STATUS = {
  version: "0.1.0",
  uptimeMs: 93_784_000,
  residentBytes: 61 * MIB,
  traffic: { requests: 181_234, failures: 12, receivedBytes: 5_400 * MIB, sentBytes: 18_200 * MIB },
};

const SESSION = {
  id: 4_294_967_297,
  user: "anna",
  isGuest: false,
  isAnonymous: false,
  remoteAddress: "192.168.1.34",
  dialect: 0x0311,
  isEncrypted: true,
  mustSign: true,
  opens: 2,
  ageMs: 5_025_000,
  idleMs: 2000,
};
const sessions = (extra: string): object[] => [
  SESSION,
  { ...SESSION, id: 7, user: `eve${extra}`, remoteAddress: "fe80::1%br-lan", isEncrypted: false, opens: 0 },
  { ...SESSION, id: 8, user: "guest", isGuest: true, dialect: 0x0210, isEncrypted: false, mustSign: false },
];

const notes = (extra: string): object[] => [
  { kind: "error", text: `share [Films${extra}]: /mnt/usb${extra} does not exist` },
  { kind: "warning", text: "'valid users' of [Photos] names 'bob', who is no user" },
  { kind: "info", text: "'workgroup' is WORKGROUP" },
];

const logLines = (extra: string): object[] =>
  [
    { msg: "dnsmasq[812]: query[A] example.org from 192.168.1.34", priority: 30 },
    { msg: "ksmbd[2210]: minismbd 0.1.0 ready on port 445", priority: 174 },
    { msg: "ksmbd[2210]: share [Photos]: '192.168.1.34' connected as 'anna'", priority: 174 },
    { msg: `ksmbd[2210]: log-on of 'mallory${extra}' from 192.168.1.77 failed: no such user`, priority: 172 },
    { msg: "ksmbd[2210]: control socket: session of 'eve' from 192.168.1.77 ended", priority: 174 },
  ].map((entry, index) => ({ ...entry, id: index, source: 1, time: 1_790_000_000_000 + index * 61_000 }));
