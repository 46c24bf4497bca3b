// The rooms of src: who may import what, as tables. Type imports count. src/README.md describes the rooms.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findCircles, type ImportGraph, importsBetweenRooms, readImports, roomIn } from "./rooms.ts";

const ROOT = join(import.meta.dir, "..");
const graph = readImports();

type Allowed = Readonly<Record<string, readonly string[]>>;

/** The rooms of src, with the packages and built-in modules each may use; a name that ends with : or / is a prefix. */
const ROOMS: Allowed = {
  wire: [],
  crypto: ["@noble/hashes/", "node:"],
  linux: ["bun:ffi", "node:"],
  loop: ["linux", "bun:jsc", "node:"],
  port: ["wire"],
  engine: ["wire", "crypto", "linux", "loop", "port", "node:"],
  manager: ["wire", "crypto", "linux", "loop", "port", "dns-packet", "node:"],
  cli: ["manager", "port", "wire", "node:"],
  "main.ts": ["cli"],
};

/** The one module of cli that starts the engine. */
const SERVE = "src/cli/serve.ts";

const ENGINE: Allowed = {
  "and-then.ts": [],
  "turns.ts": [],
  "privileges.ts": [],
  "resident-code.ts": [],
  "kernel-needs.ts": [],
  pressure: [],
  transport: [],
  security: [],
  vfs: ["security", "and-then.ts", "turns.ts"],
  state: ["vfs"],
  logon: ["state", "and-then.ts"],
  connection: ["pressure", "transport", "logon", "state", "vfs", "and-then.ts", "turns.ts"],
  command: [
    "connection",
    "pressure",
    "transport",
    "logon",
    "state",
    "security",
    "vfs",
    "and-then.ts",
    "turns.ts",
  ],
  control: ["command", "connection", "state", "and-then.ts"],
  "listeners.ts": ["connection", "transport"],
  "table-report.ts": ["connection"],
  "loop-guard.ts": ["connection", "turns.ts"],
  "quiet-memory.ts": [],
  "sweeper.ts": ["command", "connection", "quiet-memory.ts"],
  "hand-over.ts": ["command", "connection", "state"],
  "engine.ts": [
    "control",
    "hand-over.ts",
    "listeners.ts",
    "command",
    "connection",
    "logon",
    "pressure",
    "state",
    "transport",
    "vfs",
    "table-report.ts",
    "turns.ts",
    "loop-guard.ts",
    "sweeper.ts",
  ],
};

const VFS: Allowed = {
  "transfer-buffer.ts": [],
  "changes-under-way.ts": [],
  "value-store.ts": ["transfer-buffer.ts"],
  "listed.ts": [],
  "store.ts": ["listed.ts", "transfer-buffer.ts", "value-store.ts"],
  name: ["store.ts"],
  format: ["name", "listed.ts", "store.ts"],
  watch: ["name", "store.ts"],
  recycle: ["name", "store.ts"],
  stream: ["changes-under-way.ts", "format", "name", "store.ts", "transfer-buffer.ts", "value-store.ts"],
  "extended-attributes.ts": ["format", "store.ts", "value-store.ts"],
  context: ["format", "name", "store.ts"],
  sidecar: ["context", "format", "name", "store.ts", "value-store.ts"],
  appledouble: ["sidecar", "context", "format", "name", "store.ts"],
  snapshot: ["context", "store.ts"],
  "volume-info": ["context", "format", "name", "store.ts"],
  values: ["appledouble", "sidecar", "context", "format", "name", "store.ts", "value-store.ts"],
  disk: [
    ...["values", "appledouble", "sidecar", "volume-info", "snapshot", "watch", "context", "format", "name"],
    ...["listed.ts", "store.ts", "value-store.ts"],
  ],
  volume: ["disk", "context", "store.ts", "transfer-buffer.ts"],
  local: [
    "volume",
    "disk",
    "recycle",
    "snapshot",
    "sidecar",
    "values",
    "context",
    "format",
    "name",
    "changes-under-way.ts",
    "listed.ts",
    "store.ts",
    "transfer-buffer.ts",
    "value-store.ts",
  ],
};

const COMMAND: Allowed = {
  "errno-status.ts": [],
  open: ["errno-status.ts"],
  lock: ["open", "errno-status.ts"],
  close: ["lock", "open", "errno-status.ts"],
  // An open of the server before gets its locks in the kernel back.
  create: ["close", "lock", "open", "errno-status.ts"],
  session: ["close", "open", "errno-status.ts"],
  data: ["open", "errno-status.ts"],
  query: ["open", "errno-status.ts"],
  set: ["open", "errno-status.ts"],
  ioctl: ["open", "errno-status.ts"],
  notify: ["open", "errno-status.ts"],
  "echo.ts": [],
  "table.ts": ["create", "session", "close", "data", "query", "set", "ioctl", "lock", "notify", "echo.ts"],
};

/** What the rest of the engine sees of vfs. Its other rooms are private. */
const VFS_FACE: readonly string[] = [
  "store.ts",
  "listed.ts",
  "transfer-buffer.ts",
  "value-store.ts",
  "extended-attributes.ts",
  "stream",
  "name",
  "snapshot",
  "watch",
];
/** Beyond that: who opens a store, and who starts and stops the volumes. */
const VFS_EXCEPTIONS: readonly string[] = [
  // A referral looks into a share that its client is not connected to.
  "src/engine/command/ioctl/referrals.ts imports src/engine/vfs/local/local-store.ts",
  "src/engine/command/session/tree-connect.ts imports src/engine/vfs/local/local-store.ts",
  // At start and reload, the only times when it may wait for the file, it tells what /etc/fstab has.
  "src/engine/engine.ts imports src/engine/vfs/local/missing-disks.ts",
  "src/engine/engine.ts imports src/engine/vfs/local/remote-watch.ts",
  // It passes on that the mount table has changed.
  "src/engine/engine.ts imports src/engine/vfs/local/share-root.ts",
  "src/engine/engine.ts imports src/engine/vfs/volume/mounted-volume.ts",
];

/** The web page runs in a browser: it is bundled by itself, and neither side imports the other. */
const PAGE = "src/manager/web/page/";
const PAGE_PACKAGES: readonly string[] = ["preact", "preact/hooks", "uplot", "uqr"];

test("no files import each other in a circle", () => {
  expect(findCircles(graph)).toEqual([]);
});

test("the search for circles finds them, and only them", () => {
  const sample: ImportGraph = new Map([
    ["a", ["b", "node:fs"]],
    ["b", ["c"]],
    ["c", ["a", "d"]],
    ["d", ["e"]],
    ["e", []],
  ]);
  expect(findCircles(sample)).toEqual([["a", "b", "c"]]);
});

test("rooms import only what they may", () => {
  const faults: string[] = [];
  for (const [path, targets] of graph) {
    if (path.startsWith(PAGE)) continue;
    const room = roomIn("src", path) ?? "";
    const allowed = [...(ROOMS[room] ?? []), room, ...(path === SERVE ? ["engine"] : [])];
    for (const target of targets) {
      const name = roomIn("src", target) ?? target;
      const isAllowed = allowed.some(
        (other) => name === other || (/[:/]$/.test(other) && name.startsWith(other)),
      );
      if (!isAllowed) faults.push(`${path} imports ${target}`);
    }
  }
  expect(faults).toEqual([]);
});

test("the web page imports itself and its packages, and nobody imports it", () => {
  const faults = [...graph].flatMap(([path, targets]) =>
    targets
      .filter((target) =>
        path.startsWith(PAGE)
          ? !target.startsWith(PAGE) && !PAGE_PACKAGES.includes(target)
          : target.startsWith(PAGE),
      )
      .map((target) => `${path} imports ${target}`),
  );
  expect(faults).toEqual([]);
});

test.each([
  ["src/engine", ENGINE],
  ["src/engine/vfs", VFS],
  ["src/engine/command", COMMAND],
])("the rooms of %s import each other in one direction", (folder, allowed) => {
  const rooms = new Set([...graph.keys()].flatMap((path) => roomIn(folder, path) ?? []));
  expect([...rooms].filter((room) => !(room in allowed))).toEqual([]);
  expect(Object.keys(allowed).filter((room) => !rooms.has(room))).toEqual([]);
  const faults = [...importsBetweenRooms(graph, folder)].flatMap(([arrow, files]) => {
    const [from = "", to = ""] = arrow.split(" -> ");
    return allowed[from]?.includes(to) === true ? [] : files;
  });
  expect(faults).toEqual([]);
  // The table itself has no circle: each room may only import rooms above it.
  const order = Object.keys(allowed);
  const upward = order.flatMap((room, i) =>
    (allowed[room] ?? []).filter((other) => order.indexOf(other) >= i).map((other) => `${room} -> ${other}`),
  );
  expect(upward).toEqual([]);
});

test("the engine sees only the face of vfs", () => {
  const faults = [...graph].flatMap(([path, targets]) =>
    roomIn("src/engine/vfs", path) !== undefined
      ? []
      : targets
          .filter((target) => {
            const room = roomIn("src/engine/vfs", target);
            return room !== undefined && !VFS_FACE.includes(room);
          })
          .map((target) => `${path} imports ${target}`),
  );
  expect(faults.sort()).toEqual([...VFS_EXCEPTIONS].sort());
});

test("the port has types alone", () => {
  const port = readFileSync(join(ROOT, "src/port/port.ts"), "utf8");
  expect(port).not.toMatch(/^export (?:const|function|class|let)\b/m);
  expect(new Bun.Transpiler({ loader: "ts" }).transformSync(port).trim()).toBe("");
});
