// Binds further channels to a raw client's session, correctly or with a wrong field.
// [MS-SMB2] 3.2.4.2.3.1 (request), 3.2.5.3.3 (the channel's signing key).
import { nativeProvider as provider } from "../../../src/crypto/native.ts";
import { extendPreauthHash } from "../../../src/crypto/preauth.ts";
import { Command } from "../../../src/wire/header.ts";
import { SecurityMode } from "../../../src/wire/command/negotiate.ts";
import {
  decodeSessionSetupResponse,
  encodeSessionSetupRequest,
  SessionSetupFlag,
} from "../../../src/wire/command/session-setup.ts";
import { Status } from "../../../src/wire/status.ts";
import type { User } from "../../peer/test-server.ts";
import type { Call } from "./raw-calls.ts";
import { type RawClient, StatusError } from "./raw-client.ts";
import { NtlmExchange } from "./raw-ntlm.ts";
import { RawSession } from "./raw-session.ts";

export interface BindingOptions {
  /** The session whose key signs the SESSION_SETUP requests; absent: the session that is bound to. */
  readonly signer?: RawSession;
  readonly sign?: boolean;
}

/** Makes a SESSION_SETUP that binds to session `sessionId`. */
export function bindingCall(
  sessionId: number,
  securityBuffer: Uint8Array,
  signer: RawSession,
  sign = true,
): Call {
  return {
    command: Command.SESSION_SETUP,
    sessionId,
    session: signer,
    sign,
    body: (writer) =>
      encodeSessionSetupRequest(writer, {
        flags: SessionSetupFlag.BINDING,
        securityMode: SecurityMode.SIGNING_ENABLED,
        capabilities: 0,
        channel: 0,
        securityBuffer,
        previousSessionId: 0,
      }),
  };
}

/**
 * Binds a negotiated connection to `session`; returns the session object that signs on the new channel.
 * Throws StatusError.
 */
export async function bindChannel(
  client: RawClient,
  session: RawSession,
  user: User,
  options: BindingOptions = {},
): Promise<RawSession> {
  const exchange = new NtlmExchange(provider, user);
  const signer = options.signer ?? session;
  let hash = client.preauthHash;
  let buffer = exchange.first();
  for (let leg = 1; leg <= 3; leg++) {
    const { bytes, messageId } = client.build(bindingCall(session.id, buffer, signer, options.sign));
    const { reply } = client.expect(messageId);
    hash = extendPreauthHash(provider, hash, bytes);
    client.transmit(bytes, undefined);
    const answer = await reply;
    if (answer.status === Status.SUCCESS) {
      const { algorithms } = client;
      const channel = new RawSession(provider, session.id, algorithms, exchange.sessionKey, hash, 0);
      if (!channel.verify(answer.message.bytes))
        throw new Error("the final response to the binding is wrongly signed");
      client.sessions.set(channel.id, channel);
      return channel;
    }
    if (answer.status !== Status.MORE_PROCESSING_REQUIRED) throw new StatusError("binding", answer.status);
    hash = extendPreauthHash(provider, hash, answer.message.bytes);
    buffer = exchange.second(decodeSessionSetupResponse(answer.message).securityBuffer);
  }
  throw new Error("the server did not end the binding after 3 SESSION_SETUP requests");
}
