// [global] -> EngineSettings.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { EngineSettings } from "../../port/port.ts";
import { readAppleExtensions } from "./apple-rules.ts";
import { readCiphers, readSigningAlgorithms } from "./algorithm-list.ts";
import { type AddressRange, isInNetwork, parseAddress, parseNetwork } from "./hosts.ts";
import { type Levels, readLevels } from "../log/levels.ts";
import { readInterfaces } from "../../linux/interfaces.ts";
import { plannedMemoryBytes } from "../../linux/planned-memory.ts";
import { hasAesInstructions } from "../../linux/processor.ts";
import { bufferBudgetFor, locksFor, transferBytesFor } from "./memory.ts";
import { ConfigError } from "./parse.ts";
import type { Report } from "./report.ts";
import type { SectionValues } from "./section-values.ts";
import { fillKnown } from "./variables.ts";

const MAX_SERVER_NAME = 15;

/** Properties of the machine that the settings depend on; tests replace them. */
export interface Machine {
  readonly hostName: string;
  /** Text that identifies this machine and does not change. */
  readonly identity: string;
  readonly memoryBytes: number;
  readonly hasAesInstructions: boolean;
  readonly interfaces: readonly { readonly name: string; readonly address: string }[];
}

/** Throws ConfigError while the machine cannot be asked. */
export function readMachine(): Machine {
  const interfaces = readMachineAddresses();
  if (interfaces === undefined)
    throw new ConfigError(
      "",
      "the machine's interfaces cannot be read: no descriptors or memory are left",
      "EMFILE",
    );
  return {
    hostName: hostname(),
    identity: readIdentity(),
    memoryBytes: plannedMemoryBytes(),
    hasAesInstructions: hasAesInstructions(),
    interfaces,
  };
}

/** Undefined while the machine cannot be asked. */
export function readMachineAddresses(): Machine["interfaces"] | undefined {
  const interfaces = readInterfaces();
  return (
    interfaces &&
    Object.entries(interfaces).flatMap(([name, found]) =>
      // Listening on a link-local address needs its interface as scope.
      (found ?? []).map(({ address, family }) => ({
        name,
        address: family === "IPv6" && /^fe[89ab]/i.test(address) ? `${address}%${name}` : address,
      })),
    )
  );
}

/** Throws ConfigError. */
export function readSettings(globals: SectionValues, machine: Machine, report: Report): EngineSettings {
  const [minDialect, maxDialect] = readDialects(globals, report);
  const transferBytes = transferBytesFor(machine.memoryBytes);
  const encryption = globals.choice("smb3 encryption");
  if (encryption === "required" && maxDialect < 0x0300)
    throw new ConfigError(
      globals.position("smb3 encryption"),
      "encryption needs 'server max protocol' SMB3_00 or newer",
    );
  const guests = globals.choice("map to guest");
  if (guests === "unsupported")
    report.warn(
      globals.position("map to guest"),
      "a wrong password never makes a guest here: 'never' is used",
    );
  return Object.freeze({
    serverName: readServerName(globals, machine.hostName, report),
    serverGuid: createHash("sha256").update(`minismbd server ${machine.identity}`).digest("hex").slice(0, 32),
    domain: globals.text("workgroup"),
    addresses: addressesOn(readNamedInterfaces(globals), machine.interfaces),
    ports: Object.freeze(readPorts(globals)),
    minDialect,
    maxDialect,
    ntlm: readNtlm(globals, report),
    spnValidation: globals.choice("server spn validation"),
    spnNames: Object.freeze(readSpnNames(globals, machine.hostName)),
    signing: globals.choice("server signing"),
    encryption,
    ciphers: Object.freeze(readCiphers(globals)),
    signingAlgorithms: Object.freeze(readSigningAlgorithms(globals, machine.hasAesInstructions)),
    cryptoProvider: globals.choice("crypto provider"),
    mapToGuest: guests === "bad-user" ? guests : "never",
    kerberos: globals.boolean("kerberos support"),
    restrictAnonymous: globals.number("restrict anonymous") ?? 0,
    durableHandles: globals.boolean("durable handles"),
    multiChannel: readMultiChannel(globals, machine),
    posixExtensions: globals.boolean("smb3 unix extensions"),
    apple: readAppleExtensions(globals),
    changeNotify: globals.boolean("change notify"),
    kernelChangeNotify: globals.boolean("kernel change notify"),
    leases: globals.boolean("smb2 leases"),
    // Only with a share that needs it: see load.ts.
    dfs: globals.boolean("host msdfs"),
    volumeTimeoutMs: (globals.number("volume timeout") ?? 30) * 1000,
    oplockBreakTimeoutMs: (globals.number("oplock break timeout") ?? 35) * 1000,
    maxReadBytes: globals.number("smb2 max read") ?? transferBytes,
    maxWriteBytes: globals.number("smb2 max write") ?? transferBytes,
    maxTransactBytes: globals.number("smb2 max trans") ?? transferBytes,
    bufferBudgetBytes: globals.number("buffer budget") ?? bufferBudgetFor(machine.memoryBytes),
    ...readLimits(globals, machine),
    ...readLogLevels(globals, report),
  });
}

/**
 * If not configured: on if there is a second network interface, without which a second channel gains nothing.
 */
function readMultiChannel(globals: SectionValues, machine: Machine): boolean {
  if (globals.entry("server multi channel support") !== undefined) {
    return globals.boolean("server multi channel support");
  }
  const names = machine.interfaces.map(({ name }) => name).filter((name) => name !== "lo");
  return new Set(names).size > 1;
}

/** The most opens that the options allow: more than the kernel has descriptors for. */
const MAX_OPENS = 1_048_576;

function readLimits(globals: SectionValues, machine: Machine) {
  return {
    maxCredits: globals.number("smb2 max credits") ?? 8192,
    ...readAdmissionLimits(globals),
    maxOpenFiles: globals.number("max open files") ?? 10_000,
    maxUserOpenFiles: globals.number("max user open files") ?? MAX_OPENS,
    maxTotalOpenFiles: globals.number("max total open files") ?? MAX_OPENS,
    maxLocksPerOpen: globals.number("max locks per open") ?? 10_000,
    maxLocksPerFile: globals.number("max locks per file") ?? 65_536,
    maxTotalLocks: globals.number("max total locks") ?? locksFor(machine.memoryBytes),
    maxOutstandingRequests: globals.number("max outstanding requests") ?? 512,
    maxWaitingRequests: globals.number("max waiting requests") ?? 512,
    maxNotifyHandles: globals.number("max notify handles") ?? 1024,
    maxNotifyWatches: globals.number("max notify watches") ?? 8192,
    deadtimeSeconds: (globals.number("deadtime") ?? 0) * 60,
    logonTimeoutSeconds: globals.number("logon timeout") ?? 45,
    logonFailureDelayMs: globals.number("logon failure delay") ?? 2000,
  };
}

/** An eighth of the sessions is for those who prove a password, and for other users than any one of them. */
function readAdmissionLimits(globals: SectionValues) {
  const maxConnections = globals.number("max connections") ?? 256;
  const maxSessions = globals.number("max active sessions") ?? 1024;
  const most = (inAll: number): number => Math.max(1, inAll - Math.ceil(inAll / 8));
  return {
    maxConnections,
    maxConnectionsPerAddress: globals.number("max ip connections") ?? 32,
    maxUnauthenticatedConnections: globals.number("max unauthenticated connections") ?? maxConnections,
    maxSessions,
    maxSessionsPerUser: globals.number("max user sessions") ?? most(maxSessions),
    maxGuestSessions: Math.min(
      globals.number("max guest sessions") ?? Math.max(1, maxSessions >> 2),
      most(maxSessions),
    ),
    maxUnfinishedLogons: globals.number("max unfinished logons") ?? 512,
  };
}

function readDialects(globals: SectionValues, report: Report): [number, number] {
  const lowest = Number(globals.choice("server min protocol"));
  const highest = Number(globals.choice("server max protocol"));
  const entry = globals.entry("server min protocol");
  if (entry && /^(nt1|smb1|lanman|core)/i.test(entry.value))
    report.warn(entry.position, `${entry.value} is not served, SMB2_02 is the oldest dialect`);
  if (lowest > highest)
    throw new ConfigError(
      globals.position("server min protocol") || globals.position("server max protocol"),
      "'server min protocol' is newer than 'server max protocol', nobody could connect",
    );
  return [lowest, highest];
}

/** Samba's 139, as in `smb ports = 445 139`, is NetBIOS' and not served; only the first may be a free one. */
const UNSERVED_PORTS: readonly number[] = [0, 139];

function readPorts(globals: SectionValues): number[] {
  const others = globals.furtherNumbers("tcp port").filter((port) => !UNSERVED_PORTS.includes(port));
  return [...new Set([globals.number("tcp port") ?? 445, ...others])];
}

function readServerName(globals: SectionValues, hostName: string, report: Report): string {
  const host = hostName.split(".")[0] ?? "";
  const wanted = fillKnown(globals.text("netbios name"), { h: host }) || host;
  const name = [...wanted.toUpperCase()]
    .filter((character) => /[^\s"\\/[\]:|<>+=;,*?\p{C}]/u.test(character))
    .join("");
  const short = name.slice(0, MAX_SERVER_NAME);
  const position = globals.position("netbios name");
  if (position !== "" && short !== wanted.toUpperCase())
    report.warn(position, `'${short}' is used as the server's name`);
  return short === "" ? "MINISMBD" : short;
}

/** In lower case; the engine adds the server's own name and the machine's addresses. */
function readSpnNames(globals: SectionValues, hostName: string): string[] {
  const services = globals.text("kerberos service name").split(/[\s,]+/);
  const hosts = services.map((name) => name.replace(/^.*\/|@.*$/g, ""));
  const names = [hostName, ...globals.list("netbios aliases"), ...globals.list("server spn names"), ...hosts];
  return [...new Set(names.filter((name) => name !== "").map((name) => name.toLowerCase()))];
}

function readNtlm(globals: SectionValues, report: Report): boolean {
  const wanted = globals.choice("ntlm auth");
  const position = globals.position("ntlm auth");
  if (wanted === "v1") report.warn(position, "NTLMv1 is never accepted, clients need NTLMv2 or Kerberos");
  if (wanted === "off" && !globals.boolean("kerberos support"))
    throw new ConfigError(
      position,
      "'ntlm auth = disabled' needs 'kerberos support = yes', nobody could log on",
    );
  return wanted !== "off";
}

/** The words of `interfaces`, null for all addresses. Throws ConfigError. */
export function readNamedInterfaces(globals: SectionValues): readonly string[] | null {
  if (!globals.boolean("bind interfaces only")) return null;
  const words = globals.list("interfaces").map((word) => word.replace(/;.*$/, ""));
  if (words.length === 0)
    throw new ConfigError(
      globals.position("bind interfaces only"),
      "'bind interfaces only' needs 'interfaces', name some",
    );
  return words;
}

/** The addresses that these interfaces have now: they may come and go. */
export function addressesOn(
  interfaces: readonly string[] | null,
  found: Machine["interfaces"],
): readonly string[] | null {
  if (interfaces === null) return null;
  return Object.freeze([...new Set(interfaces.flatMap((word) => addressesOf(word, found)))]);
}

function addressesOf(word: string, interfaces: Machine["interfaces"]): string[] {
  const network = parseNetwork(word);
  if (!network) {
    const pattern = new RegExp(
      `^${word
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".")}$`,
    );
    return interfaces.filter(({ name }) => pattern.test(name)).map(({ address }) => address);
  }
  const inside = interfaces.filter(({ address }) => {
    const bytes = parseAddress(address);
    return bytes !== undefined && isInNetwork(network, bytes);
  });
  if (inside.length === 0 && isLoopback(word, network)) return [word];
  return inside.map(({ address }) => address);
}

/** The server can listen on every address of 127.0.0.0/8, though no interface lists it; RFC 1122, 3.2.1.3. */
function isLoopback(word: string, network: AddressRange): boolean {
  const loopback = parseNetwork("127.0.0.0/8");
  return !word.includes("/") && loopback !== undefined && isInNetwork(loopback, network.bytes);
}

function readLogLevels(globals: SectionValues, report: Report): Levels {
  const { unknown, logLevel, debugComponents } = readLevels(globals.text("log level"));
  if (unknown !== undefined)
    report.warn(
      globals.position("log level"),
      `'${unknown}' is not a value of 'log level', ${logLevel} is used`,
    );
  return { logLevel, debugComponents };
}

function readIdentity(): string {
  for (const file of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const text = readFileSync(file, "utf8").trim();
      if (/^[\da-f]{32}$/i.test(text)) return text;
    } catch {
      // OpenWrt has neither file; the network card's address does not change either.
    }
  }
  const cards = Object.values(readInterfaces() ?? {}).flatMap((found) => found ?? []);
  return `${hostname()} ${cards.find(({ internal }) => !internal)?.mac ?? ""}`;
}
