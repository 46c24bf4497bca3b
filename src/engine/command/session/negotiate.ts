// SMB2 NEGOTIATE, and an SMB1 NEGOTIATE that offers SMB2; [MS-SMB2] 3.3.5.3, 3.3.5.4.
import { extendPreauthHash, initialPreauthHash } from "../../../crypto/preauth.ts";
import type { EngineSettings } from "../../../port/port.ts";
import { Message, wireError, Writer } from "../../../wire/cursor.ts";
import { capabilitiesOf } from "../../../wire/features.ts";
import { Command, HEADER_SIZE, HeaderFlag, writeHeader } from "../../../wire/header.ts";
import {
  Capability,
  decodeNegotiateRequest,
  Dialect as Revision,
  encodeNegotiateResponse,
  type NegotiateRequest,
  SecurityMode,
} from "../../../wire/command/negotiate.ts";
import {
  Cipher,
  HashAlgorithm,
  type NegotiateContext,
  SigningAlgorithm,
} from "../../../wire/context/negotiate-context.ts";
import { POSIX_EXTENSIONS_ID } from "../../../wire/posix.ts";
import { decodeSmb1NegotiateRequest, Smb1Dialect } from "../../../wire/command/smb1-negotiate.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Channel } from "../../connection/channels.ts";
import type { ConnectionState, Negotiated } from "../../connection/connection-state.ts";
import { chooseDialect, type Dialect } from "../../connection/dialect.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { initialToken } from "../../logon/authenticator.ts";
import { HEAD_ROOM } from "../../transport/buffer-pool.ts";

/** Maximum size of a transact, read or write in dialect 2.0.2; 3.3.5.4. */
const MAX_BYTES_BEFORE_MULTI_CREDIT = 65_536;
const SALT_BYTES = 32;
/** The fixed part, the security token and the negotiate contexts of a response. */
const RESPONSE_ROOM = 64 + 512;

export function handleNegotiate(exchange: Exchange): NtStatus {
  const { connection } = exchange;
  const request = decodeNegotiateRequest(exchange.message);
  const { settings } = exchange.context;
  if (request.dialects.length === 0) return Status.INVALID_PARAMETER;
  const dialect = chooseDialect(request.dialects, settings.minDialect, settings.maxDialect);
  if (dialect === undefined) return Status.NOT_SUPPORTED;
  const choice = dialect.hasNegotiateContexts ? chooseAlgorithms(exchange, request) : NO_CHOICE;
  if (typeof choice === "number") return choice;
  const negotiated = negotiatedTerms(connection, request, dialect, choice);
  connection.negotiated = negotiated;
  connection.awaitsSecondNegotiate = false;
  const contexts = dialect.hasNegotiateContexts ? answerContexts(choice) : [];
  writeResponse(exchange.reserve(RESPONSE_ROOM), connection, dialect.revision, negotiated, contexts);
  if (dialect.hasNegotiateContexts) chainPreauth(exchange, connection);
  return Status.SUCCESS;
}

function chainPreauth(exchange: Exchange, connection: ConnectionState): void {
  const { provider } = exchange.context;
  const { bytes, start, length } = exchange.message;
  const hash = extendPreauthHash(provider, initialPreauthHash(), bytes.subarray(start, start + length));
  exchange.onReply = (reply) => {
    connection.preauthHash = extendPreauthHash(provider, hash, reply);
  };
}

/** The result of a 3.1.1 request's negotiate contexts. Undefined: not requested; cipher 0: none in common. */
interface Choice {
  readonly cipher: number | undefined;
  readonly signing: number | undefined;
  readonly posix: boolean;
}
const NO_CHOICE: Choice = { cipher: undefined, signing: undefined, posix: false };

function chooseAlgorithms(exchange: Exchange, request: NegotiateRequest): Choice | NtStatus {
  const preauth = onlyContext(request.contexts, "preauth");
  const encryption = onlyContext(request.contexts, "encryption");
  const signing = onlyContext(request.contexts, "signing");
  onlyContext(request.contexts, "compression");
  onlyContext(request.contexts, "netname");
  if (preauth === undefined || preauth.hashAlgorithms.length === 0) return Status.INVALID_PARAMETER;
  if (!preauth.hashAlgorithms.includes(HashAlgorithm.SHA_512))
    return Status.SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP;
  if (signing !== undefined && signing.algorithms.length === 0) return Status.INVALID_PARAMETER;
  // smbd leaves the context out for an empty list too: smb-rs ends the connection at a cipher of 0.
  const hasCiphers = encryption !== undefined && encryption.ciphers.length > 0;
  const { settings } = exchange.context;
  const offersCipher = hasCiphers && settings.encryption !== "off";
  return {
    // 2.2.4.1.2: cipher 0 means that client and server have none in common.
    cipher: offersCipher ? (settings.ciphers.find((id) => encryption.ciphers.includes(id)) ?? 0) : undefined,
    signing: signing && settings.signingAlgorithms.find((id) => signing.algorithms.includes(id)),
    posix: settings.posixExtensions && offersPosix(onlyContext(request.contexts, "posix")?.versions),
  };
}

/** True if the client's list of POSIX extension versions (16 bytes each) includes the server's. */
function offersPosix(versions: Uint8Array | undefined): boolean {
  const size = POSIX_EXTENSIONS_ID.length;
  for (let at = 0; at + size <= (versions?.length ?? 0); at += size) {
    if (POSIX_EXTENSIONS_ID.every((byte, index) => byte === versions?.[at + index])) return true;
  }
  return false;
}

// 3.3.5.4: a repeated context makes the request invalid; throws WireError.
function onlyContext<K extends NegotiateContext["kind"]>(
  contexts: readonly NegotiateContext[],
  kind: K,
): Extract<NegotiateContext, { kind: K }> | undefined {
  let found: Extract<NegotiateContext, { kind: K }> | undefined;
  for (const context of contexts) {
    if (context.kind !== kind) continue;
    if (found !== undefined) throw wireError(`two ${kind} contexts`);
    found = context as Extract<NegotiateContext, { kind: K }>;
  }
  return found;
}

/** The one cipher of 3.0 and 3.0.2. */
const CIPHER_OF_3_0 = Cipher.AES_128_CCM;

function negotiatedTerms(
  connection: ConnectionState,
  request: NegotiateRequest,
  dialect: Dialect,
  choice: Choice,
): Negotiated {
  const { settings } = connection.context;
  let allowed = allowedCapabilities(settings);
  if (dialect.hasEncryptionCapability && !settings.ciphers.includes(CIPHER_OF_3_0))
    allowed &= ~Capability.ENCRYPTION;
  const capabilities = capabilitiesOf(dialect.revision, request.capabilities, allowed);
  const byCapability = dialect.hasEncryptionCapability && (capabilities & Capability.ENCRYPTION) !== 0;
  return {
    dialect,
    clientGuid: request.clientGuid.slice(),
    clientCapabilities: request.capabilities,
    clientSecurityMode: request.securityMode,
    clientDialects: request.dialects,
    serverCapabilities: capabilities,
    serverSecurityMode: securityModeOf(connection),
    cipher: byCapability ? CIPHER_OF_3_0 : (choice.cipher ?? 0),
    signingAlgorithm:
      choice.signing ??
      (dialect.defaultSigning === "aes-cmac" ? SigningAlgorithm.AES_CMAC : SigningAlgorithm.HMAC_SHA256),
    hasPosixExtensions: choice.posix,
  };
}

/** The capability bits that the settings allow; dialect and client limit them further. */
function allowedCapabilities(settings: EngineSettings): number {
  let bits: number = Capability.LARGE_MTU;
  if (settings.dfs) bits |= Capability.DFS;
  if (settings.encryption !== "off") bits |= Capability.ENCRYPTION;
  if (settings.multiChannel) bits |= Capability.MULTI_CHANNEL;
  if (settings.leases) bits |= Capability.LEASING | Capability.DIRECTORY_LEASING;
  return bits;
}

function securityModeOf(connection: ConnectionState): number {
  const isRequired = connection.context.settings.signing === "required";
  return SecurityMode.SIGNING_ENABLED | (isRequired ? SecurityMode.SIGNING_REQUIRED : 0);
}

function answerContexts(choice: Choice): NegotiateContext[] {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const contexts: NegotiateContext[] = [{ kind: "preauth", hashAlgorithms: [HashAlgorithm.SHA_512], salt }];
  if (choice.cipher !== undefined) contexts.push({ kind: "encryption", ciphers: [choice.cipher] });
  if (choice.signing !== undefined) contexts.push({ kind: "signing", algorithms: [choice.signing] });
  if (choice.posix) contexts.push({ kind: "posix", versions: POSIX_EXTENSIONS_ID });
  return contexts;
}

function writeResponse(
  writer: Writer,
  connection: ConnectionState,
  revision: number,
  negotiated: Negotiated | undefined,
  contexts: readonly NegotiateContext[],
): void {
  const { settings, serverGuid, clock } = connection.context;
  const isLarge = negotiated?.dialect.hasMultiCredit ?? revision === Revision.WILDCARD;
  const limit = (bytes: number): number => (isLarge ? bytes : Math.min(bytes, MAX_BYTES_BEFORE_MULTI_CREDIT));
  const nowMs = clock.wallTime();
  encodeNegotiateResponse(writer, {
    securityMode: securityModeOf(connection),
    dialect: revision,
    serverGuid,
    capabilities: negotiated?.serverCapabilities ?? 0,
    maxTransactSize: limit(settings.maxTransactBytes),
    maxReadSize: limit(settings.maxReadBytes),
    maxWriteSize: limit(settings.maxWriteBytes),
    systemTime: { seconds: Math.floor(nowMs / 1000), nanoseconds: Math.floor(nowMs % 1000) * 1_000_000 },
    serverStartTime: undefined,
    securityBuffer: initialToken(settings),
    contexts,
  });
}

/**
 * Answers an SMB1 NEGOTIATE, with which old Windows versions, some scanners and many TVs begin; 3.3.5.3.1.
 * Returns false if the client offers no dialect that the server speaks.
 */
export function negotiateSmb1(connection: ConnectionState & Channel, bytes: Uint8Array): boolean {
  const { context } = connection;
  const { minDialect, maxDialect } = context.settings;
  let dialects: readonly string[];
  try {
    dialects = decodeSmb1NegotiateRequest(new Message(bytes)).dialects;
  } catch {
    return false;
  }
  const isWild = dialects.includes(Smb1Dialect.SMB_2_WILDCARD) && maxDialect >= Revision.SMB_2_1;
  const isOldest = !isWild && dialects.includes(Smb1Dialect.SMB_2_002) && minDialect <= Revision.SMB_2_0_2;
  if (!isWild && !isOldest) {
    context.log.warn?.(`${connection.remoteAddress}: this client speaks SMB1 only, which is not served`);
    return false;
  }
  // The SMB1 request takes message id 0; 3.3.5.3.1.
  if (!connection.window.consume(0, 1)) return false;
  if (isOldest) {
    const dialect = chooseDialect([Revision.SMB_2_0_2], Revision.SMB_2_0_2, Revision.SMB_2_0_2) as Dialect;
    connection.negotiated = negotiatedTerms(connection, NO_REQUEST, dialect, NO_CHOICE);
  } else {
    connection.awaitsSecondNegotiate = true;
  }
  const reply = context.pool.acquire(HEAD_ROOM + HEADER_SIZE + RESPONSE_ROOM);
  const writer = new Writer(reply.bytes, HEAD_ROOM);
  writeHeader(writer, {
    creditCharge: 0,
    status: Status.SUCCESS,
    command: Command.NEGOTIATE,
    credits: connection.window.grant(1, 1),
    flags: HeaderFlag.SERVER_TO_REDIR,
    nextCommand: 0,
    messageId: 0,
    asyncId: 0,
    treeId: 0,
    sessionId: 0,
  });
  const revision = isWild ? Revision.WILDCARD : Revision.SMB_2_0_2;
  writeResponse(writer, connection, revision, connection.negotiated, []);
  connection.sendReply(reply, writer.position, undefined);
  return true;
}

// Stands in for the SMB2 fields that an SMB1 NEGOTIATE does not have.
const NO_REQUEST: NegotiateRequest = {
  securityMode: 0,
  capabilities: 0,
  clientGuid: new Uint8Array(16),
  dialects: [Revision.SMB_2_0_2],
  contexts: [],
};
