// The create context AAPL, by which macOS asks for Apple's extensions; smb_2.h of Apple's published SMBClient
// sources, vfs_fruit(8).
import {
  APPLE_RESPONSE_BYTES,
  AppleBitmap,
  AppleCapability,
  AppleCommand,
  type AppleQueryResponse,
  type AppleRequest,
  type AppleResponse,
  AppleVolumeCapability,
} from "../../../wire/context/apple-context.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Session, Tree } from "../../state/session.ts";

/** Head, tag and the padding behind the data. */
const CONTEXT_HEAD_BYTES = 32;

/**
 * Marks the session as a Mac's. macOS sends the context when it mounts a share, and keeps the answer for all
 * shares of the session; its trees then also find names in another Unicode normal form.
 */
export function markApple(context: EngineContext, session: Session, request: AppleRequest): void {
  session.isApple = true;
  for (const { store } of session.trees.values()) if (store !== undefined) store.isForMac = true;
  const { apple } = context.settings;
  if (request.command !== AppleCommand.SERVER_QUERY || apple === null) return;
  session.hidesFileIds = apple.hidesFileIds;
  session.appleCapabilities = commonCapabilities(request.clientCapabilities, apple.capabilities);
}

const LISTING = AppleCapability.READ_DIR_ATTR | AppleCapability.READ_DIR_ATTR_V2;

/**
 * The form of listings is one that the client knows, the newer one before the older; the others are the
 * server's own, as vfs_fruit(8) tells them: older Macs announce less than they use.
 */
function commonCapabilities(client: number, server: number): number {
  const listing = client & server & LISTING;
  const isNew = (listing & AppleCapability.READ_DIR_ATTR_V2) !== 0;
  return (server & ~LISTING) | (isNew ? AppleCapability.READ_DIR_ATTR_V2 : listing);
}

/**
 * Returns the answer; undefined where there is none. It depends on the configuration alone: a Mac that
 * reconnects gives its mounts up where the answer has changed.
 */
export function appleAnswer(
  { settings }: EngineContext,
  tree: Tree,
  request: AppleRequest,
): AppleQueryResponse | undefined {
  const { apple } = settings;
  if (apple === null || request.command !== AppleCommand.SERVER_QUERY) return undefined;
  const { requestBitmap } = request;
  const asksFor = (bit: number) => (requestBitmap & bit) !== 0;
  return {
    command: AppleCommand.SERVER_QUERY,
    ...(asksFor(AppleBitmap.SERVER_CAPS) ? { serverCapabilities: tree.session.appleCapabilities } : {}),
    ...(asksFor(AppleBitmap.VOLUME_CAPS) ? { volumeCapabilities: volumeCapabilities(tree) } : {}),
    ...(asksFor(AppleBitmap.MODEL_INFO) ? { model: apple.model } : {}),
  };
}

/** Bytes that the context adds to a response. */
export function appleRoom(answer: AppleResponse | undefined): number {
  if (answer === undefined) return 0;
  const text = answer.command === AppleCommand.SERVER_QUERY ? (answer.model ?? "") : answer.path;
  return CONTEXT_HEAD_BYTES + APPLE_RESPONSE_BYTES + 2 * text.length;
}

function volumeCapabilities({ grant, session }: Tree): number {
  const cases = grant.caseSensitive ? AppleVolumeCapability.CASE_SENSITIVE : 0;
  // FLUSH answers once the disk has the data, on every share; Macs back up to a share that says so. macOS
  // has one set of capabilities for a session, that of the answer that came last: a mount of another share
  // must not take this one from it.
  const isTarget = [...session.trees.values()].some((tree) => tree.grant.isTimeMachine);
  return cases | (isTarget ? AppleVolumeCapability.FULL_SYNC : 0);
}
