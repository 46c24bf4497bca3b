// SMB2 QUERY_DIRECTORY ([MS-SMB2] 3.3.5.18, [MS-FSA] 2.1.5.6.3). Entries are written directly into the reply;
// a listing that takes long is announced by an interim response (3.3.4.2).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import type { Writer } from "../../../wire/cursor.ts";
import {
  appendDirectoryEntry,
  directoryEntryRoom,
  directoryFixedSize,
} from "../../../wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../wire/fscc/info-class.ts";
import { HEADER_SIZE } from "../../../wire/header.ts";
import { POSIX_INFO_CLASS } from "../../../wire/posix.ts";
import {
  decodeQueryDirectoryRequest,
  QueryDirectoryFlag,
  type QueryDirectoryRequest,
} from "../../../wire/command/query-directory.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { DirectorySearch, Open } from "../../state/open.ts";
import { type DirectoryEntry, type FileHandle, type NextEntry, SKIPPED } from "../../vfs/store.ts";
import { andThen } from "../../and-then.ts";
import { statusOf } from "../errno-status.ts";
import { type AppleEntries, startAppleEntries, wantsAppleFacts } from "./apple-entries.ts";
import { compilePattern, exactName } from "./search-pattern.ts";
import { appendPosix, posixRoom } from "./posix.ts";
import { withInterim } from "../open/long-work.ts";
import { reparseTagOf } from "../open/reparse-tag.ts";

const FIXED_BYTES = 8;
/** Largest reply: clients ask for up to 1 MiB and mostly fill a fraction of it. */
const MAX_LISTING_BYTES = 1_048_576;
/** UTF-16 code units. */
const MAX_PATTERN_UNITS = 255;

export function handleQueryDirectory(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const request = decodeQueryDirectoryRequest(exchange.message);
  if (!open.isDirectory) return Status.INVALID_PARAMETER;
  if (request.outputBufferLength > exchange.context.settings.maxTransactBytes)
    return Status.INVALID_PARAMETER;
  if (!paysFor(exchange, request.outputBufferLength)) return Status.INVALID_PARAMETER;
  const fixedBytes = directoryFixedSize(request.infoClass);
  const isKnown = request.infoClass === POSIX_INFO_CLASS ? open.isPosix : fixedBytes !== undefined;
  if (!isKnown) return Status.INVALID_INFO_CLASS;
  if ((open.grantedAccess & Access.LIST_DIRECTORY) === 0) return Status.ACCESS_DENIED;
  if (open.handle === undefined) return Status.ACCESS_DENIED;
  // [MS-FSA] 2.1.5.6.3: a buffer without room for the fixed part of an entry is refused before the search.
  if (request.outputBufferLength < (fixedBytes ?? 0)) return Status.INFO_LENGTH_MISMATCH;
  return open.listing === undefined ? list(exchange, open, request) : listLater(exchange, open, request);
}

function list(exchange: Exchange, open: Open, request: QueryDirectoryRequest): MaybePromise<NtStatus> {
  if (open.handle === undefined) return Status.FILE_CLOSED;
  const search = prepareSearch(open, open.handle, request);
  if (typeof search === "number") return search;
  const answer = new Listing(exchange, request, search);
  const apple = wantsAppleFacts(open, request.infoClass) ? startAppleEntries(open) : undefined;
  const listed = andThen(apple, (entries) => answer.start(entries));
  if (typeof listed === "number") return listed;
  exchange.cancel = () => answer.cancel();
  const listing = withInterim(exchange, () => answer.sendInterim(), listed).finally(() => {
    if (open.listing === listing) open.listing = undefined;
  });
  open.listing = listing;
  return listing;
}

/** Two listings of one open would take each other's entries. */
async function listLater(exchange: Exchange, open: Open, request: QueryDirectoryRequest): Promise<NtStatus> {
  const sendInterim = (): void => void exchange.connection.sendInterim(exchange);
  await withInterim(exchange, sendInterim, othersListed(open));
  return open.isClosed ? Status.FILE_CLOSED : list(exchange, open, request);
}

async function othersListed(open: Open): Promise<void> {
  while (open.listing !== undefined) await open.listing.catch(() => undefined);
}

/** Continues, restarts or reopens the open's search; or returns the status that refuses the request. */
function prepareSearch(
  open: Open,
  handle: FileHandle,
  request: QueryDirectoryRequest,
): DirectorySearch | NtStatus {
  const { flags, pattern } = request;
  let search = open.search;
  const isFresh = search === undefined || (flags & QueryDirectoryFlag.REOPEN) !== 0;
  const restarts = (flags & QueryDirectoryFlag.RESTART_SCANS) !== 0;
  if (search !== undefined && !isFresh && !restarts) return search;
  if (pattern === "" && isFresh) return Status.OBJECT_NAME_INVALID;
  if (pattern.length > MAX_PATTERN_UNITS) return Status.OBJECT_NAME_INVALID;
  // An empty pattern on a restart means the pattern of the search that is restarted.
  const effectivePattern = pattern !== "" ? pattern : (search?.pattern ?? "*");
  // A restart without a match ends as a listing that has returned entries does, as in smbd.
  const hasReturned = !isFresh && search?.hasReturned === true;
  const only = exactName(effectivePattern);
  if (isFresh || exactName(search?.pattern ?? "") !== only) {
    search?.stream.close();
    search = undefined;
    open.search = undefined;
  } else {
    search?.stream.restart();
  }
  const { store } = open.tree;
  const newSearch: DirectorySearch = {
    stream:
      search?.stream ??
      handle.list({
        only: only === undefined ? only : { name: only, anyForm: store?.isForMac === true },
        withAppleFacts: wantsAppleFacts(open, request.infoClass),
      }),
    pattern: effectivePattern,
    matches: compilePattern(effectivePattern, store),
    hasReturned,
  };
  open.search = newSearch;
  return newSearch;
}

/** The answer to one QUERY_DIRECTORY while it is filled. */
class Listing {
  private readonly exchange: Exchange;
  private readonly request: QueryDirectoryRequest;
  private readonly search: DirectorySearch;
  private readonly room: number;
  private readonly writer: Writer;
  private mark: number;
  /** Offset of the last entry written; -1 before the first. */
  private previous = -1;
  private isCancelled = false;
  private apple: AppleEntries | undefined;

  constructor(exchange: Exchange, request: QueryDirectoryRequest, search: DirectorySearch) {
    this.exchange = exchange;
    this.request = request;
    this.search = search;
    this.room = Math.min(request.outputBufferLength, MAX_LISTING_BYTES);
    this.writer = exchange.reserve(FIXED_BYTES + this.room);
    this.mark = beginBufferResponse(this.writer);
  }

  /** `apple`: for a Mac. */
  start(apple: AppleEntries | undefined): MaybePromise<NtStatus> {
    this.apple = apple;
    return this.isEnded ? this.fail(Status.CANCELLED) : this.run();
  }

  private run(): MaybePromise<NtStatus> {
    const { stream, matches } = this.search;
    for (;;) {
      const next = stream.next(matches);
      if (next instanceof Promise) return next.then((entry) => this.continueWith(entry));
      const status = this.append(next);
      if (status !== undefined) return status;
      // An entry beside which there is an AppleDouble file has taken several system calls.
      if (this.exchange.connection.isTurnOver()) return this.runLater();
    }
  }

  /** [MS-SMB2] 3.3.5.16; at the next entry or turn. */
  cancel(): void {
    this.isCancelled = true;
  }

  /**
   * Sends an interim response. It takes the finished responses of a compound and their buffer with it: the
   * body moves to the place that it gets then.
   */
  sendInterim(): void {
    const { exchange, writer } = this;
    const before = writer.origin;
    const body = writer.bytes.slice(before + HEADER_SIZE, writer.position);
    if (!exchange.connection.sendInterim(exchange)) return;
    exchange.reserve(FIXED_BYTES + this.room).raw(body);
    const moved = writer.origin - before;
    this.mark += moved;
    if (this.previous >= 0) this.previous += moved;
  }

  private get isEnded(): boolean {
    return this.isCancelled || this.exchange.connection.isClosed;
  }

  private continueWith(entry: NextEntry): MaybePromise<NtStatus> {
    if (this.isEnded) return this.fail(Status.CANCELLED);
    const status = this.append(entry);
    if (status !== undefined) return status;
    return this.exchange.connection.isTurnOver() ? this.runLater() : this.run();
  }

  /** Lets other connections have their turns. */
  private async runLater(): Promise<NtStatus> {
    await this.exchange.connection.nextTurn();
    return this.isEnded ? this.fail(Status.CANCELLED) : this.run();
  }

  /**
   * Appends an entry; undefined or a failure ends the listing. Returns the final status, or undefined to
   * continue.
   */
  private append(entry: NextEntry): NtStatus | undefined {
    if (entry === SKIPPED) return undefined;
    if (typeof entry === "number") return this.previous < 0 ? this.fail(statusOf(entry)) : this.finish();
    if (entry === undefined) return this.previous < 0 ? this.fail(this.emptyStatus()) : this.finish();
    if (!this.fits(entry)) {
      this.search.stream.unread();
      if (this.previous >= 0) return this.finish();
      return this.fail(Status.INFO_LENGTH_MISMATCH);
    }
    this.exchange.context.changeTimes.apply(entry.stat);
    const { infoClass } = this.request;
    entry.hidesFileId = this.exchange.session?.hidesFileIds === true;
    if (this.apple === undefined) this.describe(entry);
    else this.apple.describe(entry);
    this.previous =
      infoClass === POSIX_INFO_CLASS
        ? appendPosix(this.writer, entry, this.previous)
        : appendDirectoryEntry(this.writer, infoClass, entry, this.previous);
    this.search.hasReturned = true;
    return (this.request.flags & QueryDirectoryFlag.RETURN_SINGLE_ENTRY) !== 0 ? this.finish() : undefined;
  }

  private describe(entry: DirectoryEntry): void {
    const { infoClass } = this.request;
    entry.apple = undefined;
    if (infoClass === FileInfoClass.BOTH_DIRECTORY || infoClass === FileInfoClass.ID_BOTH_DIRECTORY) {
      entry.shortName = this.exchange.tree?.store?.shortNameOf?.(entry.name) ?? "";
    }
    // [MS-FSCC] 2.4.8: EaSize holds the tag of a reparse point.
    entry.eaSize = reparseTagOf(entry.stat.kind) || (entry.stat.eaSize ?? 0);
  }

  private fits(entry: DirectoryEntry): boolean {
    const used = this.writer.position - this.mark;
    const { infoClass } = this.request;
    const size =
      infoClass === POSIX_INFO_CLASS
        ? posixRoom(this.writer, entry)
        : directoryEntryRoom(this.writer, infoClass, entry.name);
    return used + size <= this.room;
  }

  private emptyStatus(): NtStatus {
    return this.search.hasReturned ? Status.NO_MORE_FILES : Status.NO_SUCH_FILE;
  }

  private fail(status: NtStatus): NtStatus {
    if (status === Status.NO_SUCH_FILE) this.search.hasReturned = true;
    this.exchange.dropBody();
    return status;
  }

  private finish(): NtStatus {
    finishBufferResponse(this.writer, this.mark);
    return Status.SUCCESS;
  }
}
