// FSCTL_PIPE_WAIT ([MS-FSCC] 2.3.49): a client asks for a free instance of a pipe. It names no open: the
// pipe's name is in the request.
import { andThen } from "../../and-then.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { pipeServices } from "../../connection/pipe-services.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { EMPTY } from "../../../wire/cursor.ts";
import { decodePipeWaitRequest } from "../../../wire/fscc/pipe-control.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { answerIoctl } from "./answer.ts";

/** A pipe of this server always has a free instance: the answer only tells whether the pipe exists. */
export function waitForPipe(exchange: Exchange, request: IoctlRequest): MaybePromise<NtStatus> {
  const { tree, context } = exchange;
  const identity = tree?.session.identity;
  if (tree === undefined || tree.store !== undefined) return Status.INVALID_DEVICE_REQUEST;
  if (identity === undefined) return Status.ACCESS_DENIED;
  const { name } = decodePipeWaitRequest(request.input);
  return andThen(
    context.manager.openPipe({ name, identity, services: pipeServices(context, exchange.connection) }),
    (answer) => {
      if ("status" in answer) return answer.status;
      context.manager.closePipe({ pipe: answer.pipe });
      answerIoctl(exchange, request, EMPTY);
      return Status.SUCCESS;
    },
  );
}
