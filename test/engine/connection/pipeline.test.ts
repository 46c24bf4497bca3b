// The checks before a command's handler and their order; [MS-SMB2] 3.3.5.2. A request that fails several
// checks shows which comes first.
import { beforeEach, describe, expect, test } from "bun:test";
import type { Exchange, Row } from "../../../src/engine/connection/exchange.ts";
import type { Open } from "../../../src/engine/state/open.ts";
import { type Session, SessionState, type Tree } from "../../../src/engine/state/session.ts";
import { Command, HeaderFlag } from "../../../src/wire/header.ts";
import { type NtStatus, Status } from "../../../src/wire/status.ts";
import {
  addOpen,
  addSession,
  addTree,
  compound,
  FakeConnection,
  FILE_ID_OFFSET,
  makeContext,
  type Request,
  request,
} from "./connection-rig.ts";

const { ACCESS_DENIED, FILE_CLOSED, INVALID_PARAMETER, SUCCESS } = Status;
const { ECHO, LOGOFF, TREE_DISCONNECT, CREATE, CLOSE, READ, WRITE, LOCK, OPLOCK_BREAK, CANCEL } = Command;
const { SESSION_SETUP, NEGOTIATE } = Command;
const { SIGNED, RELATED_OPERATIONS, ASYNC_COMMAND } = HeaderFlag;
const ALL_ONES = 0xffff_ffff;
const UNKNOWN_COMMAND = 0x13;
const SESSION_ID = 7;

let connection: FakeConnection;
let session: Session;
let tree: Tree;
let open: Open;
/** The handlers that ran, with what they were given. */
let handled: string[];

beforeEach(() => {
  connection = new FakeConnection(makeContext());
  session = addSession(connection, SESSION_ID);
  tree = addTree(session);
  open = addOpen(connection, tree);
  handled = [];
});

function sessionRow(name: string): Row {
  const handle = (_: Exchange, found: Session): NtStatus => ran(`${name} session ${found.id}`);
  return { name, bodySize: 4, mayChangeData: false, needs: "session", handle };
}

function openRow(name: string): Row {
  return {
    name,
    bodySize: 24,
    mayChangeData: name === "WRITE",
    needs: "open",
    fileIdOffset: FILE_ID_OFFSET,
    handle: (_, found) => ran(`${name} open ${found.id}`),
  };
}

function ran(text: string, status: NtStatus = SUCCESS): NtStatus {
  handled.push(text);
  return status;
}

const ROWS: (Row | undefined)[] = [];
for (const [name, command] of Object.entries({ ECHO, NEGOTIATE, SESSION_SETUP }))
  ROWS[command] = { name, bodySize: 4, mayChangeData: false, needs: "nothing", handle: () => ran(name) };
ROWS[LOGOFF] = sessionRow("LOGOFF");
ROWS[OPLOCK_BREAK] = sessionRow("OPLOCK_BREAK");
ROWS[TREE_DISCONNECT] = {
  name: "TREE_DISCONNECT",
  bodySize: 4,
  mayChangeData: false,
  needs: "tree",
  handle: (_, found) => ran(`TREE_DISCONNECT tree ${found.id}`),
};
/** Opens `open`, and fails with FILE_CLOSED where that is closed. */
ROWS[CREATE] = {
  name: "CREATE",
  bodySize: 4,
  mayChangeData: false,
  needs: "tree",
  handle: (exchange) => {
    if (open.isClosed) return ran("CREATE", Status.OBJECT_NAME_NOT_FOUND);
    exchange.open = open;
    return ran("CREATE");
  },
};
for (const [name, command] of Object.entries({ CLOSE, READ, WRITE, LOCK })) ROWS[command] = openRow(name);

/** A request on the rig's session and tree connect, unsigned. */
function on(command: number, fields: Partial<Request> = {}): Request {
  return { command, sessionId: SESSION_ID, treeId: tree.id, fileId: [open.id, open.id], ...fields };
}

/** The statuses of the answers. */
function statuses(bytes: Uint8Array, sealedBy?: Session): number[] {
  return connection.handle(bytes, ROWS, sealedBy).map(({ status }) => status);
}
function statusOf(fields: Request): number | undefined {
  return statuses(request(fields))[0];
}

test("a request that passes every check gets what its row needs", () => {
  const commands = [ECHO, LOGOFF, TREE_DISCONNECT, READ];
  const found = commands.map((command, messageId) => statusOf(on(command, { messageId })));
  expect(found).toEqual([SUCCESS, SUCCESS, SUCCESS, SUCCESS]);
  expect(handled).toEqual(["ECHO", "LOGOFF session 7", "TREE_DISCONNECT tree 1", "READ open 1"]);
});

describe("a request that closes the connection", () => {
  const wrong = { command: READ, sessionId: 99, flags: SIGNED, treeId: 99 };
  test.each([
    ["3.3.5.2.3: a MessageId above the window", { ...wrong, messageId: 200 }, 0x0311, "message id 200"],
    [
      "3.3.5.2.3: a CreditCharge past the window",
      { ...wrong, messageId: 99, creditCharge: 9 },
      0x0311,
      "message id",
    ],
    [
      "3.3.5.2.3: before the order of NEGOTIATE",
      { command: NEGOTIATE, messageId: 200 },
      0x0311,
      "message id",
    ],
    ["3.3.5.4: a second NEGOTIATE", { command: NEGOTIATE }, 0x0311, "NEGOTIATE expected, or sent again"],
    ["3.3.5.2: another command before NEGOTIATE", wrong, 0, "NEGOTIATE expected, or sent again"],
  ] as const)("%s", (_, fields, revision, reason) => {
    if (revision === 0) connection.negotiated = undefined;
    expect(statuses(request(fields))).toEqual([]);
    expect(connection.closedFor).toStartWith(reason);
    expect(handled).toEqual([]);
  });

  test("3.3.5.2.3: a MessageId that was used", () => {
    expect(statusOf(on(ECHO, { messageId: 1 }))).toBe(SUCCESS);
    expect(statusOf(on(ECHO, { messageId: 1 }))).toBeUndefined();
    expect(connection.closedFor).toStartWith("message id 1");
  });

  test("3.3.5.2.1.1: one encrypted for another session, before its signature is verified", () => {
    const other = addSession(connection, 8);
    expect(statuses(request(on(READ, { flags: SIGNED })), other)).toEqual([]);
    expect(connection.closedFor).toBe("encrypted for another session");
  });
});

test("3.3.5.2.3: dialect 2.0.2 uses one MessageId whatever CreditCharge says", () => {
  connection = new FakeConnection(makeContext(), 0x0202);
  expect(statusOf({ command: ECHO, creditCharge: 5 })).toBe(SUCCESS);
  expect(connection.window.consume(1, 1)).toBe(true);
});

describe("3.3.5.2.1, 3.3.5.2.4: encryption and signature", () => {
  /** A READ that fails every later check as well: an unknown tree connect and FileId. */
  const bad = { treeId: 99, fileId: [99, 99] as const };

  test.each([
    ["signed", true, {}, SUCCESS],
    ["unsigned, where the session does not require signing", false, {}, SUCCESS],
    ["unsigned, where the session requires signing", false, { mustSign: true }, ACCESS_DENIED],
    ["signed, where the session requires signing", true, { mustSign: true }, SUCCESS],
    ["signed, where the session requires encryption", true, { mustEncrypt: true }, ACCESS_DENIED],
  ])("%s", (_, isSigned, changes, expected) => {
    Object.assign(session, changes);
    const key = isSigned ? session.signing : undefined;
    const fields = on(READ, { flags: isSigned ? SIGNED : 0 });
    const [answer] = connection.handle(request(fields, key), ROWS);
    expect(answer?.status).toBe(expected);
    // 3.3.4.1.1: the response to a signed request is signed.
    if (expected === SUCCESS) expect(((answer?.flags ?? 0) & SIGNED) !== 0).toBe(isSigned);
  });

  test.each([
    ["a READ on an unknown tree connect", READ],
    ["a READ of a wrong StructureSize", READ],
    ["an unknown command", UNKNOWN_COMMAND],
  ])("a wrong signature comes before %s", (title, command) => {
    const bodySize = title.includes("StructureSize") ? 8 : 24;
    expect(statusOf(on(command, { ...bad, flags: SIGNED, bodySize }))).toBe(ACCESS_DENIED);
  });

  test("an encrypted request needs no signature", () => {
    session.mustSign = true;
    session.mustEncrypt = true;
    expect(statuses(request(on(READ)), session)).toEqual([SUCCESS]);
  });

  test("SESSION_SETUP need not be encrypted, but signed where the session requires it", () => {
    session.mustEncrypt = true;
    expect(statusOf(on(SESSION_SETUP))).toBe(SUCCESS);
    session.mustSign = true;
    const [answer] = connection.handle(request(on(SESSION_SETUP, { messageId: 1 })), ROWS);
    expect([answer?.status, (answer?.flags ?? 0) & SIGNED]).toEqual([ACCESS_DENIED, SIGNED]);
  });

  test("the channel's own key is the one that verifies, where the session was bound", () => {
    const key = addSession(connection, 8).signing ?? fail();
    connection.setChannelKey(session, key);
    expect(statuses(request(on(READ, { flags: SIGNED }), session.signing))).toEqual([ACCESS_DENIED]);
    expect(statuses(request(on(READ, { flags: SIGNED, messageId: 1 }), key))).toEqual([SUCCESS]);
  });

  test.each([
    ["ended on this connection", true],
    ["has no channel here", false],
  ])("a signed request of a session that %s is refused with a signature", (_, isEnded) => {
    const { signing } = session;
    if (isEnded) connection.dropSession(session);
    if (isEnded) connection.context.sessions.delete(SESSION_ID);
    connection.sessions.delete(SESSION_ID);
    const [answer] = connection.handle(request(on(READ, { flags: SIGNED }), signing), ROWS);
    expect(answer?.status).toBe(Status.USER_SESSION_DELETED);
    expect((answer?.flags ?? 0) & SIGNED).toBe(SIGNED);
  });
});

describe("3.3.5.2.9: the session", () => {
  const deleted = Status.USER_SESSION_DELETED;
  const expired = Status.NETWORK_SESSION_EXPIRED;
  test.each([
    ["READ, session missing", READ, undefined, deleted],
    ["READ, session in progress", READ, SessionState.IN_PROGRESS, deleted],
    ["READ, session expired", READ, SessionState.EXPIRED, expired],
    ["CREATE, session expired", CREATE, SessionState.EXPIRED, expired],
    ["LOGOFF, session expired", LOGOFF, SessionState.EXPIRED, SUCCESS],
    ["CLOSE, session expired", CLOSE, SessionState.EXPIRED, SUCCESS],
    ["LOCK, session expired", LOCK, SessionState.EXPIRED, SUCCESS],
    ["OPLOCK_BREAK, session expired", OPLOCK_BREAK, SessionState.EXPIRED, expired],
    ["ECHO, session missing", ECHO, undefined, SUCCESS],
  ])("%s", (_, command, state, expected) => {
    if (state === undefined) connection.sessions.delete(SESSION_ID);
    else session.state = state;
    expect(statusOf(on(command))).toBe(expected);
  });

  test("comes before the body's size and the tree connect", () => {
    expect(statusOf(on(READ, { sessionId: 99, treeId: 99, bodySize: 8 }))).toBe(deleted);
  });

  test("comes after an unknown command", () => {
    expect(statusOf(on(UNKNOWN_COMMAND, { sessionId: 99 }))).toBe(INVALID_PARAMETER);
  });
});

test.each([
  ["another command's StructureSize", 8],
  ["one byte of StructureSize", 1],
  ["no body", 0],
])("a body with %s fails before an unknown tree connect", (_, bodySize) => {
  expect(statusOf(on(READ, { treeId: 99, bodySize }))).toBe(INVALID_PARAMETER);
});

describe("3.3.5.2.11: the tree connect", () => {
  test("missing: STATUS_NETWORK_NAME_DELETED, before an unknown FileId", () => {
    expect(statusOf(on(READ, { treeId: 99, fileId: [99, 99] }))).toBe(Status.NETWORK_NAME_DELETED);
  });

  test("of another session: STATUS_NETWORK_NAME_DELETED", () => {
    const other = addSession(connection, 8);
    for (let i = 0; i < 4; i++) addTree(other);
    expect(statusOf(on(READ, { treeId: 4 }))).toBe(Status.NETWORK_NAME_DELETED);
  });

  test("that requires encryption: STATUS_ACCESS_DENIED for a request that is not encrypted", () => {
    tree = addTree(session, { mustEncrypt: true });
    open = addOpen(connection, tree);
    expect(statusOf(on(READ, { fileId: [99, 99] }))).toBe(ACCESS_DENIED);
    expect(statuses(request(on(READ, { messageId: 1 })), session)).toEqual([SUCCESS]);
  });
});

describe("3.3.5.10, 3.3.5.12, 3.3.5.13: the FileId", () => {
  test.each([
    ["of an open", [1, 1], SUCCESS],
    ["unknown", [99, 99], FILE_CLOSED],
    ["with another persistent half", [99, 1], FILE_CLOSED],
    ["with another volatile half", [1, 99], FILE_CLOSED],
    ["of all ones in a request that is not related", [ALL_ONES, ALL_ONES], FILE_CLOSED],
  ] as const)("%s", (_, fileId, expected) => {
    for (const [messageId, command] of [CLOSE, READ, WRITE].entries())
      expect(statusOf(on(command, { fileId, messageId }))).toBe(expected);
  });

  test.each([4, 12])("with another high word at %i: STATUS_FILE_CLOSED", (offset) => {
    const bytes = request(on(READ));
    new DataView(bytes.buffer).setUint32(FILE_ID_OFFSET + offset, 1, true);
    expect(statuses(bytes)).toEqual([FILE_CLOSED]);
  });

  test("of another tree connect of the session: STATUS_FILE_CLOSED", () => {
    expect(statusOf(on(READ, { treeId: addTree(session).id }))).toBe(FILE_CLOSED);
    expect(handled).toEqual([]);
  });

  test("of another session: STATUS_FILE_CLOSED", () => {
    const other = addSession(connection, 8);
    expect(statusOf(on(READ, { sessionId: 8, treeId: addTree(other).id }))).toBe(FILE_CLOSED);
  });

  test("comes before the ChannelSequence of 3.3.5.2.10, whose failure runs no handler", () => {
    open.sequence.number = 5;
    expect(statusOf(on(WRITE, { status: 4, fileId: [99, 99] }))).toBe(FILE_CLOSED);
    expect(statusOf(on(WRITE, { status: 4, messageId: 1 }))).toBe(Status.FILE_NOT_AVAILABLE);
    expect(handled).toEqual([]);
    expect(open.busy).toBe(0);
  });
});

describe("3.3.5.2.7.2: related requests", () => {
  const related = { sessionId: -1, treeId: ALL_ONES, flags: RELATED_OPERATIONS } as const;
  const usesPrevious = { ...related, sessionId: 0, fileId: [ALL_ONES, ALL_ONES] as const };

  test("use the session, the tree connect and the open of the request before", () => {
    const message = compound(
      request(on(CREATE)),
      request({ command: READ, messageId: 1, ...usesPrevious }),
      request({ command: CLOSE, messageId: 2, ...usesPrevious }),
    );
    expect(statuses(message)).toEqual([SUCCESS, SUCCESS, SUCCESS]);
    expect(handled).toEqual(["CREATE", "READ open 1", "CLOSE open 1"]);
  });

  test("fail with the status of the CREATE that failed, and do not run", () => {
    open.close();
    const message = compound(
      request(on(CREATE)),
      request({ command: READ, messageId: 1, ...usesPrevious }),
      request({ command: CLOSE, messageId: 2, ...usesPrevious, fileId: [1, 1] }),
    );
    const failed = Status.OBJECT_NAME_NOT_FOUND;
    expect(statuses(message)).toEqual([failed, failed, failed]);
    expect(handled).toEqual(["CREATE"]);
  });

  test("without an open before them: STATUS_FILE_CLOSED", () => {
    const message = compound(
      request(on(TREE_DISCONNECT)),
      request({ command: READ, messageId: 1, ...usesPrevious }),
    );
    expect(statuses(message)).toEqual([SUCCESS, FILE_CLOSED]);
  });

  test("without a predecessor: STATUS_INVALID_PARAMETER for it and all that follow, before any other check", () => {
    const message = compound(
      request({ command: UNKNOWN_COMMAND, ...usesPrevious, flags: RELATED_OPERATIONS | SIGNED }),
      request({ command: READ, messageId: 1, ...usesPrevious }),
    );
    expect(statuses(message)).toEqual([INVALID_PARAMETER, INVALID_PARAMETER]);
    expect(connection.closedFor).toBeUndefined();
  });

  test("after a request without a session: STATUS_INVALID_PARAMETER", () => {
    const message = compound(
      request(on(READ, { sessionId: 99 })),
      request({ command: READ, messageId: 1, ...usesPrevious }),
    );
    expect(statuses(message)).toEqual([Status.USER_SESSION_DELETED, INVALID_PARAMETER]);
  });

  test("an unrelated request in a compound has a session of its own", () => {
    const message = compound(request(on(READ, { sessionId: 99 })), request(on(READ, { messageId: 1 })));
    expect(statuses(message)).toEqual([Status.USER_SESSION_DELETED, SUCCESS]);
  });
});

describe("3.3.5.16: CANCEL", () => {
  test.each([
    ["by MessageId", { messageId: 3 }, [0, 3]],
    ["by AsyncId", { messageId: 3, asyncId: 9, flags: ASYNC_COMMAND }, [9, 3]],
  ] as const)("%s is not answered, and uses no MessageId", (_, fields, expected) => {
    const before = connection.window.available();
    for (let i = 0; i < 2; i++) expect(statuses(request({ command: CANCEL, ...fields }))).toEqual([]);
    expect(connection.cancelled).toEqual([expected, expected]);
    expect(connection.window.available()).toBe(before);
    expect(connection.closedFor).toBeUndefined();
  });

  test.each([
    ["a right signature", true, 1],
    ["a wrong signature", false, 0],
  ])("with %s", (_, isRight, count) => {
    const fields = { command: CANCEL, sessionId: SESSION_ID, flags: SIGNED };
    expect(statuses(request(fields, isRight ? session.signing : undefined))).toEqual([]);
    expect(connection.cancelled).toHaveLength(count);
  });
});

test("a handler that throws: STATUS_INTERNAL_ERROR, and the open is no longer in use", () => {
  const rows = [...ROWS];
  rows[READ] = { ...openRow("READ"), needs: "open", fileIdOffset: FILE_ID_OFFSET, handle: () => fail() };
  expect(connection.handle(request(on(READ)), rows)[0]?.status).toBe(Status.INTERNAL_ERROR);
  expect(open.busy).toBe(0);
  expect(open.sequence.outstanding).toBe(0);
});

function fail(): never {
  throw new Error("a fault of the test's");
}
