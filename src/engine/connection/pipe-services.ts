// What the engine does for a named pipe: log-ons of RPC binds and proofs of passwords, with the limits and
// the log lines of session set-ups.
import type { PasswordProof, PipeLogon, PipeLogonStep, PipeServices } from "../../port/pipes.ts";
import type { MaybePromise } from "../../port/port.ts";
import { andThen } from "../and-then.ts";
import { identityOf } from "./identity.ts";
import type { AuthStep } from "../logon/authenticator.ts";
import { startAuthenticator } from "./authenticators.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { EngineContext } from "./context.ts";

/** The services for pipes that a client opens over this connection. */
export function pipeServices(
  context: EngineContext,
  connection: Pick<ConnectionState, "addressBlock" | "remoteAddress" | "localEnd">,
): PipeServices {
  const { addressBlock, remoteAddress } = connection;
  const judge = (step: AuthStep): PipeLogonStep => {
    if (step.kind === "continue") return step;
    if (step.kind === "refused") {
      const { user, reason } = step;
      context.manager.notify({ event: "logonFailed", user, remoteAddress, reason: `RPC bind: ${reason}` });
      return { kind: "refused" };
    }
    const identity = identityOf(step.identity, connection);
    const { token, protection, expiresMs } = step;
    return { kind: "done", token, identity, protection, expiresMs };
  };
  return {
    startLogon(): PipeLogon {
      const authenticator = startAuthenticator(context, addressBlock, true);
      return { step: (token) => andThen(authenticator.step(token), judge) };
    },
    beginProof: (user) =>
      andThen(
        beginProof(context, addressBlock, user),
        (proof) =>
          proof && {
            succeeded: () => proof.succeeded(),
            failed() {
              const reason = "change of the password: the old one is wrong";
              context.manager.notify({ event: "logonFailed", user, remoteAddress, reason });
              return proof.failed();
            },
          },
      ),
  };
}

/** A proof of a password that counts with the log-ons from an address; see `PasswordProof`. */
export function beginProof(
  { logonGates }: Pick<EngineContext, "logonGates">,
  addressBlock: string,
  user: string,
): MaybePromise<PasswordProof | undefined> {
  return andThen(
    logonGates.forAddress(addressBlock).begin(user),
    (attempt) => attempt && { succeeded: () => attempt.succeeded(true), failed: () => attempt.failed() },
  );
}
