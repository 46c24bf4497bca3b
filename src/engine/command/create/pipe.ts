// CREATE on IPC$ opens a named pipe; [MS-SMB2] 3.3.5.9 ("If the share is a pipe").
import type { MaybePromise } from "../../../port/port.ts";
import { Access, FileGeneric, mapGenericAccess } from "../../../wire/security/access.ts";
import {
  CreateAction,
  type CreateRequest,
  encodeCreateResponse,
  OplockLevel,
} from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, Status, statusName } from "../../../wire/status.ts";
import { pipeServices } from "../../connection/pipe-services.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import { Open } from "../../state/open.ts";
import { withinLimits } from "./admit.ts";

const RESPONSE_ROOM = 96;
// Seconds since 1970 of FILETIME zero: a pipe has no times.
const NEVER = -11_644_473_600;
const NO_TIMES = {
  birthSeconds: NEVER,
  birthNanoseconds: 0,
  accessSeconds: NEVER,
  accessNanoseconds: 0,
  modifySeconds: NEVER,
  modifyNanoseconds: 0,
  changeSeconds: NEVER,
  changeNanoseconds: 0,
};

export function openPipe(exchange: Exchange, tree: Tree, request: CreateRequest): MaybePromise<NtStatus> {
  return withinLimits(exchange.context, tree.session, 0, () => connectPipe(exchange, tree, request));
}

async function connectPipe(exchange: Exchange, tree: Tree, request: CreateRequest): Promise<NtStatus> {
  const { context } = exchange;
  const { session } = tree;
  const { identity } = session;
  if (identity === undefined) return Status.ACCESS_DENIED;
  const answer = await context.manager.openPipe({
    name: request.name,
    identity,
    services: pipeServices(context, exchange.connection),
  });
  const said = "status" in answer ? statusName(answer.status) : `pipe ${answer.pipe}`;
  context.log.debug.ipc?.(`pipe '${request.name}' for '${identity.user}': ${said}`);
  if ("status" in answer) return answer.status;
  if (!session.trees.has(tree.id)) {
    context.manager.closePipe({ pipe: answer.pipe });
    return Status.NETWORK_NAME_DELETED;
  }
  const wanted = mapGenericAccess(request.desiredAccess);
  const all = FileGeneric.READ | FileGeneric.WRITE;
  const open = new Open({
    id: context.opens.nextId(),
    session,
    tree,
    connectionId: exchange.connection.id,
    node: undefined,
    file: undefined,
    handle: undefined,
    pipe: answer.pipe,
    grantedAccess: (wanted & Access.MAXIMUM_ALLOWED) !== 0 ? all : wanted & all,
    shareAccess: request.shareAccess,
    createOptions: request.createOptions,
    isDirectory: false,
  });
  open.openedMs = context.clock.now();
  context.opens.add(open);
  exchange.open = open;
  encodeCreateResponse(exchange.reserve(RESPONSE_ROOM), {
    oplockLevel: OplockLevel.NONE,
    flags: 0,
    createAction: CreateAction.OPENED,
    file: { ...NO_TIMES, allocated: 4096, size: 0, attributes: FileAttribute.NORMAL },
    fileId: { persistentLow: open.id, persistentHigh: 0, volatileLow: open.id, volatileHigh: 0 },
    contexts: {},
  });
  return Status.SUCCESS;
}
