// The performance path: listens, serves connections and enforces their limits.
import { randomInt } from "node:crypto";
import type { EngineControl, EngineStatus, EngineTables, HandOver } from "../port/control.ts";
import type { PasswordProof, PipeManager } from "../port/pipes.ts";
import type { EngineSettings, Manager, MaybePromise, ShareGrant } from "../port/port.ts";
import type { NtStatus } from "../wire/status.ts";
import { closeUnreachable, loseSession } from "./command/close/teardown.ts";
import { reviewSessions } from "./command/session/review-sessions.ts";
import { dropDescriptors } from "./command/open/descriptor.ts";
import { LeasedDirectories, makeChangeSink } from "./command/open/leased-directories.ts";
import { negotiateSmb1 } from "./command/session/negotiate.ts";
import { ROWS } from "./command/table.ts";
import { type ConnectionLimits, ConnectionTable } from "./connection/connection-table.ts";
import { ConnectionEvents, type ConnectionWatch } from "./connection/connection-events.ts";
import { Connection, type ConnectionHost } from "./connection/connection.ts";
import { type EngineContext, type Log, systemClock } from "./connection/context.ts";
import { providerFor, threadsFor } from "./connection/crypto-choice.ts";
import { TrafficCount } from "./connection/traffic.ts";
import { closeOpenById, endSession, endTree } from "./control/end.ts";
import { ejectVolume } from "./control/eject.ts";
import { makeTables } from "./control/tables.ts";
import { leaveClients, leaveOpens, takeOpens } from "./hand-over.ts";
import { EngineLog, type WriteLine } from "./connection/engine-log.ts";
import { sendBreak } from "./connection/notification.ts";
import { beginProof } from "./connection/pipe-services.ts";
import { addressBlock } from "../loop/client-address.ts";
import { findOutdated } from "./connection/outdated.ts";
import { WaitingMemory } from "./connection/waiting-memory.ts";
import { watchedRows } from "./loop-guard.ts";
import { turns } from "./turns.ts";
import { MemoryGuard } from "./pressure/memory-guard.ts";
import { Step, budgetAt } from "./pressure/pressure.ts";
import { Sweeper } from "./sweeper.ts";
import { LogonGates } from "./logon/logon-gate.ts";
import { LogonThrottle } from "./logon/logon-throttle.ts";
import { DESCRIPTOR_LIMIT, DESCRIPTORS_PER_FILE } from "./state/open-usage.ts";
import { ChangeTimes } from "./state/change-times.ts";
import { DurableOpens } from "./state/durable-opens.ts";
import type { CachingHolder } from "./state/caching-holder.ts";
import { CachingTable } from "./state/caching.ts";
import { NotifyTable } from "./state/notify.ts";
import { OpenTable } from "./state/open-table.ts";
import { SessionTable } from "./state/session-table.ts";
import { Listeners, StartError } from "./listeners.ts";
import { describeTables } from "./table-report.ts";
import { BufferPool } from "./transport/buffer-pool.ts";
import { type DescriptorPlan, leastDescriptors, planDescriptors } from "./connection/descriptor-plan.ts";
import { plannedMountPoints } from "../linux/fstab.ts";
import { raiseOpenFileLimit, usedDescriptors } from "../linux/limits.ts";
import type { SocketUser, StreamSocket } from "./transport/stream-socket.ts";
import { endVolumes, volumeEvents, volumeLimits } from "./vfs/volume/mounted-volume.ts";
import { missingDisks } from "./vfs/local/missing-disks.ts";
import { checkShareRoots, dropDirectoryCaches } from "./vfs/local/share-root.ts";
import { watchElsewhere } from "./vfs/local/remote-watch.ts";
import { DirectoryWatcher } from "./vfs/watch/directory-watcher.ts";

/** FileIds of a server begin below it, far from where they wrap. */
const MAX_FIRST_ID = 0x8000_0000;
/** The limit of descriptors where the kernel does not tell it. */
const UNKNOWN_LIMIT = 1024;

/** How long `stop` waits for unfinished disk work. */
const VOLUMES_GRACE_MS = 2_000;

const BREAK_EXPIRED =
  "a client did not acknowledge an oplock or lease break in time: others go on without it";

/** Between the end of the last connection and the table report: descriptors may still be closing. */
const REPORT_DELAY_MS = 100;

/** Starts serving. Throws StartError when it cannot listen on an address. */
export function startEngine(
  manager: Manager & PipeManager,
  write: WriteLine,
  handOver: HandOver,
): EngineControl {
  return new Engine(manager, write, handOver);
}

class Engine implements EngineControl {
  private readonly startedMs = systemClock.now();
  /** Of the connections that have ended. */
  private readonly endedTraffic = new TrafficCount();
  private readonly context: EngineContext;
  private readonly log: EngineLog;
  private readonly host: ConnectionHost;
  private readonly connections = new Map<number, Connection>();
  private readonly listeners: Listeners;
  private readonly handOver: HandOver;
  private readonly sweeper: Sweeper;
  private readonly guard: MemoryGuard;
  private readonly leasedDirectories = new LeasedDirectories();
  /** Descriptors that were open at start. */
  private readonly ownDescriptors = usedDescriptors();
  private lastConnectionId = 0;
  private reportTimer: unknown;

  constructor(manager: Manager & PipeManager, write: WriteLine, handOver: HandOver) {
    this.handOver = handOver;
    const settings = manager.settings();
    volumeLimits.timeoutMs = settings.volumeTimeoutMs;
    const log = (this.log = new EngineLog(settings, systemClock.now, write));
    const notify = new NotifyTable();
    const { leasedDirectories } = this;
    const context: EngineContext = {
      manager,
      settings,
      descriptors: this.planDescriptors(settings, log),
      serverGuid: new Uint8Array(Buffer.from(settings.serverGuid, "hex")),
      provider: providerFor(settings, log),
      threads: threadsFor(settings),
      pool: new BufferPool(settings.bufferBudgetBytes),
      waiting: new WaitingMemory(settings.bufferBudgetBytes),
      clock: systemClock,
      turns,
      log,
      connections: this.connections,
      connectionTable: new ConnectionTable(() => this.connectionLimits()),
      sessions: new SessionTable(),
      opens: new OpenTable(randomInt(MAX_FIRST_ID)),
      notify,
      watcher: new DirectoryWatcher({
        sink: makeChangeSink(notify, () => context),
        setTimer: systemClock.setTimer,
        clearTimer: systemClock.clearTimer,
        // `reach` is the grant that the caller of the watcher passed with the tree.
        watchElsewhere: (reach, ...how) => watchElsewhere(reach as ShareGrant, ...how),
        maxWatches: () => context.settings.maxNotifyWatches,
        warn: (text) => log.warn?.(text),
      }),
      caching: new CachingTable({
        timers: systemClock,
        breakTimeoutMs: () => context.settings.oplockBreakTimeoutMs,
        sendBreak: (holder, from, to, needsAnswer) => sendBreak(context, holder, from, to, needsAnswer),
        unreachable: (holder) => closeUnreachable(context, holder),
        directoryLeased: (holder, open) => leasedDirectories.begin(context, holder, open),
        directoryReleased: (holder) => this.endDirectoryLease(holder),
        expired: () => log.warn?.(BREAK_EXPIRED),
      }),
      durables: new DurableOpens(),
      changeTimes: new ChangeTimes(),
      logonGates: new LogonGates(
        new LogonThrottle(systemClock.now, () => context.settings.logonFailureDelayMs),
        systemClock.now,
        systemClock.setTimer,
      ),
      pressure: (this.guard = new MemoryGuard({ ...systemClock, log, apply: (step) => this.giveUp(step) })),
    };
    this.takeDiskEvents(context);
    this.context = context;
    this.host = {
      context,
      rows: watchedRows(ROWS, turns, log.error),
      ended: (connection, reason) => this.ended(connection, reason),
      idleExchanges: [],
      negotiateSmb1,
      endSession: (session) => {
        const ended = loseSession(context, session);
        if (ended instanceof Promise)
          ended.catch((error: unknown) => log.error(`closing a session: ${String(error)}`));
      },
    };
    this.sweeper = new Sweeper(this.host, this.connections, leasedDirectories);
    this.listeners = new Listeners((socket, address) => this.accept(socket, address), log, handOver.sockets);
    this.listeners.start(settings.addresses, settings.ports);
    if (takeOpens(context, handOver.opens) > 0) this.sweeper.wake();
  }

  /** Memory is short, or shorter or less short than before. */
  private giveUp(step: Step): void {
    const { pool } = this.context;
    const isShorter = budgetAt(step, pool.fullBudgetBytes) < pool.budgetBytes || step === Step.LOGONS;
    pool.setBudget(budgetAt(step, pool.fullBudgetBytes));
    if (!isShorter) return;
    if (step >= Step.CACHES) {
      dropDirectoryCaches();
      dropDescriptors();
    }
    this.sweeper.freeMemory();
  }

  private endDirectoryLease(holder: CachingHolder): void {
    this.leasedDirectories.end(this.context, holder);
    this.sweeper.wake();
  }

  get port(): number {
    return this.listeners.port;
  }

  get tables(): EngineTables {
    return makeTables(this.context, this.connections);
  }

  private ended(connection: Connection, reason: string): void {
    const { remoteAddress } = connection;
    // Probes of the port and clients that never log on would fill the log.
    if (connection.isLoggedOn) this.context.manager.notify({ event: "disconnected", remoteAddress, reason });
    this.connections.delete(connection.id);
    this.endedTraffic.add(connection.traffic);
  }

  private takeDiskEvents({ notify, watcher, changeTimes }: EngineContext): void {
    missingDisks.plan(plannedMountPoints());
    notify.local = watcher;
    volumeEvents.lost = (share, path) => this.context.manager.notify({ event: "diskLost", share, path });
    volumeEvents.held = ({ before, after }) => changeTimes.hold(before, after);
  }

  /** Throws StartError where the kernel allows too few descriptors to serve anybody. */
  private planDescriptors(settings: EngineSettings, log: Log): DescriptorPlan {
    const found = raiseOpenFileLimit();
    const limit = found < 0 ? UNKNOWN_LIMIT : found;
    const { maxConnections, maxConnectionsPerAddress } = settings;
    const plan = planDescriptors(limit, this.ownDescriptors, maxConnections, maxConnectionsPerAddress);
    if (plan === undefined) {
      const least = leastDescriptors(this.ownDescriptors);
      throw new StartError(
        `the limit of open descriptors is ${limit}: allow ${least} or more (ulimit -n, LimitNOFILE of systemd)`,
      );
    }
    if (plan.connections < maxConnections) {
      log.warn?.(
        `the limit of open descriptors is ${limit}, which is enough for ${plan.connections} connections and ` +
          `${Math.floor(plan.forOpens / DESCRIPTORS_PER_FILE)} open files: ` +
          "raise it (ulimit -n, LimitNOFILE of systemd)",
      );
    }
    return plan;
  }

  private accept(socket: StreamSocket, remoteAddress: string): SocketUser | undefined {
    const { context } = this;
    const limit = context.connectionTable.makeRoom(remoteAddress);
    if (limit !== undefined) {
      context.manager.notify({ event: "connectionLimit", remoteAddress, limit: this.nameOfLimit(limit) });
      return undefined;
    }
    const connection = new Connection(++this.lastConnectionId, this.host, socket, remoteAddress);
    context.log.debug.conn?.(`connection ${connection.id} from ${remoteAddress}`);
    this.connections.set(connection.id, connection);
    context.connectionTable.add(connection);
    this.watch.received();
    return new ConnectionEvents(connection, this.watch);
  }

  private readonly watch: ConnectionWatch = {
    received: () => {
      this.sweeper.wake();
      this.guard.wake();
    },
    closed: () => {
      this.sweeper.wake();
      if (this.connections.size === 0) this.reportTablesSoon();
    },
  };

  private connectionLimits(): ConnectionLimits {
    const { descriptors, settings } = this.context;
    return {
      maxConnections: descriptors.connections,
      maxConnectionsPerAddress: descriptors.connectionsPerAddress,
      maxUnauthenticatedConnections: settings.maxUnauthenticatedConnections,
    };
  }

  /** Names the limit that refuses a connection: an option, or what the kernel allows the process. */
  private nameOfLimit(option: string): string {
    const { descriptors, settings } = this.context;
    return descriptors.connections < settings.maxConnections ? DESCRIPTOR_LIMIT : option;
  }

  /** Logs the sizes of the tables once after the last connection has ended. */
  private reportTablesSoon(): void {
    const { clock, connections, log } = this.context;
    if (log.debug.conn === undefined || this.reportTimer !== undefined) return;
    this.reportTimer = clock.setTimer(REPORT_DELAY_MS, () => {
      this.reportTimer = undefined;
      if (connections.size > 0) return;
      log.debug.conn?.(describeTables(this.context, this.leasedDirectories.lingeringCount));
    });
  }

  reload(): void {
    const { context } = this;
    context.settings = context.manager.settings();
    this.takeLogLevels(context.settings);
    try {
      context.descriptors = this.planDescriptors(context.settings, context.log);
    } catch (error) {
      context.log.error(String(error));
    }
    volumeLimits.timeoutMs = this.context.settings.volumeTimeoutMs;
    missingDisks.plan(plannedMountPoints());
    this.reviewAddresses();
    for (const connection of [...this.connections.values()]) {
      const fault = findOutdated(connection, this.context.settings);
      if (fault !== undefined) connection.close(`reload: ${fault}`);
    }
    reviewSessions(this.context).catch((error: unknown) =>
      this.context.log.error(`reload: ${String(error)}`),
    );
  }

  reviewAddresses(): boolean {
    return this.listeners.follow(this.context.manager.settings().addresses);
  }

  mountsChanged(): void {
    checkShareRoots();
  }

  isDiskMissing(path: string): boolean {
    return missingDisks.isMissing(path);
  }

  reviewLog(): void {
    this.takeLogLevels(this.context.manager.settings());
  }

  private takeLogLevels(settings: EngineSettings): void {
    this.log.setLevels(settings);
    const { vfs } = this.log.debug;
    volumeEvents.answered =
      vfs && ((operation, share, ms) => vfs(`${operation} in ${share}: ${Math.round(ms)} ms in a worker`));
  }

  async stop(): Promise<void> {
    this.sweeper.stop();
    this.guard.stop();
    this.context.clock.clearTimer(this.reportTimer);
    const left = leaveClients([...this.connections.values()]);
    this.listeners.stop();
    await leaveOpens(this.context, this.handOver.opens, VOLUMES_GRACE_MS);
    await left;
    await endVolumes(VOLUMES_GRACE_MS);
  }

  status(): EngineStatus {
    const { caching, clock, connections, durables, opens, pool, sessions } = this.context;
    const traffic = new TrafficCount();
    traffic.add(this.endedTraffic);
    for (const connection of this.connections.values()) traffic.add(connection.traffic);
    return {
      uptimeMs: clock.now() - this.startedMs,
      connections: connections.size,
      sessions: sessions.size,
      opens: opens.count,
      files: opens.fileCount,
      leases: caching.leaseCount,
      detached: durables.detachedCount,
      lentBytes: pool.lentBytes,
      idleBytes: Math.max(0, pool.residentBytes - pool.lentBytes),
      bufferBudgetBytes: pool.budgetBytes,
      memoryStep: this.guard.step,
      traffic: traffic.snapshot(),
    };
  }

  endConnection(id: number): boolean {
    const connection = this.connections.get(id);
    connection?.close("closed by the administrator");
    return connection !== undefined;
  }

  endSession(id: number): MaybePromise<boolean> {
    return endSession(this.context, id);
  }

  endTree(sessionId: number, treeId: number): MaybePromise<boolean> {
    return endTree(this.context, sessionId, treeId);
  }

  ejectVolume(mountPoint: string): Promise<number> {
    return ejectVolume(this.context, mountPoint);
  }

  beginProof(address: string, user: string): MaybePromise<PasswordProof | undefined> {
    return beginProof(this.context, addressBlock(address), user);
  }

  closeOpen(id: number): MaybePromise<NtStatus | undefined> {
    return closeOpenById(this.context, id);
  }
}
