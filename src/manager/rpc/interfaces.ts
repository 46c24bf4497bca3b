// The pipes and interfaces of this server. An interface is loaded when a client first binds it.
import type { MaybePromise } from "../../port/port.ts";
import type { RpcInterface } from "./interface.ts";
import { MGMT_ID } from "./mgmt.ts";
import type { SyntaxName } from "./syntax.ts";

interface Row extends SyntaxName {
  /** The pipe whose clients bind it; any interface may be bound over any pipe, as in Windows. */
  readonly pipe: string;
  load(): Promise<RpcInterface>;
}

const ROWS: readonly Row[] = [
  {
    pipe: "srvsvc",
    uuid: "4b324fc8-1670-01d3-1278-5a47bf6ee188",
    major: 3,
    minor: 0,
    load: () => import("./srvsvc.ts").then((module) => module.SRVSVC),
  },
  {
    pipe: "wkssvc",
    uuid: "6bffd098-a112-3610-9833-46c3f87e345a",
    major: 1,
    minor: 0,
    load: () => import("./wkssvc.ts").then((module) => module.WKSSVC),
  },
  {
    pipe: "lsarpc",
    uuid: "12345778-1234-abcd-ef00-0123456789ab",
    major: 0,
    minor: 0,
    load: () => import("./lsarpc.ts").then((module) => module.LSARPC),
  },
  {
    pipe: "lsarpc",
    uuid: "3919286a-b10c-11d0-9ba8-00c04fd92ef5",
    major: 0,
    minor: 0,
    load: () => import("./dssetup.ts").then((module) => module.DSSETUP),
  },
  {
    pipe: "samr",
    uuid: "12345778-1234-abcd-ef00-0123456789ac",
    major: 1,
    minor: 0,
    load: () => import("./samr.ts").then((module) => module.SAMR),
  },
];

/** Every pipe has it, to be asked about the others; C706 appendix Q. */
const MANAGEMENT: Row = {
  ...MGMT_ID,
  pipe: "",
  load: () =>
    import("./mgmt.ts").then((module) =>
      module.mgmt(ROWS.map(({ uuid, major, minor }) => ({ uuid, major, minor }))),
    ),
};

/** All interfaces, in the order of their pipes. */
export const INTERFACE_NAMES: readonly SyntaxName[] = [...ROWS, MANAGEMENT];

/** Other names of a pipe: Windows serves all three of the security authority's by one process. */
const ALIASES: Readonly<Record<string, string>> = { lsass: "lsarpc" };

/** The pipe's name as it is written, or undefined for a pipe that the server does not have. */
export function findPipe(name: string): string | undefined {
  const folded = name.toLowerCase();
  const pipe = Object.hasOwn(ALIASES, folded) ? ALIASES[folded] : folded;
  return ROWS.some((row) => row.pipe === pipe) ? folded : undefined;
}

const loaded = new Map<string, RpcInterface>();

/** The interface of that name and version; undefined if the server has none. */
export function findInterface({ uuid, major, minor }: SyntaxName): MaybePromise<RpcInterface | undefined> {
  const row = [...ROWS, MANAGEMENT].find((each) => each.uuid === uuid);
  if (!row || row.major !== major || row.minor < minor) return undefined;
  const known = loaded.get(uuid);
  if (known) return known;
  return row.load().then((found) => {
    loaded.set(uuid, found);
    return found;
  });
}
