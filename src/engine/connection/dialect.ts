// The dialects and their features. Handlers read the fields and never compare revisions. [MS-SMB2] 3.3.5.4,
// 3.1.4.2.

export interface Dialect {
  readonly revision: number;
  readonly name: string;
  /** CreditCharge is in use and payloads may exceed 64 KiB; 2.1 and later. */
  readonly hasMultiCredit: boolean;
  /** Bytes 8 and 9 of a request's header are ChannelSequence; 3.x. */
  readonly hasChannelSequence: boolean;
  /** Messages may have transform headers; 3.x. */
  readonly hasEncryption: boolean;
  /** SMB2_GLOBAL_CAP_ENCRYPTION, not a negotiate context, announces encryption; 3.0 and 3.0.2. */
  readonly hasEncryptionCapability: boolean;
  /** Negotiate contexts, preauthentication integrity, contexts in error responses; 3.1.1. */
  readonly hasNegotiateContexts: boolean;
  /** The signing algorithm without SMB2_SIGNING_CAPABILITIES. */
  readonly defaultSigning: "hmac-sha256" | "aes-cmac";
}

function dialect(
  revision: number,
  name: string,
  hasMultiCredit: boolean,
  hasEncryptionCapability: boolean,
  hasNegotiateContexts: boolean,
): Dialect {
  const is3 = revision >= 0x0300;
  return Object.freeze({
    revision,
    name,
    hasMultiCredit,
    hasChannelSequence: is3,
    hasEncryption: is3,
    hasEncryptionCapability,
    hasNegotiateContexts,
    defaultSigning: is3 ? "aes-cmac" : "hmac-sha256",
  });
}

/** The supported dialects, oldest first. */
export const DIALECTS: readonly Dialect[] = [
  dialect(0x0202, "2.0.2", false, false, false),
  dialect(0x0210, "2.1", true, false, false),
  dialect(0x0300, "3.0", true, true, false),
  dialect(0x0302, "3.0.2", true, true, false),
  dialect(0x0311, "3.1.1", true, false, true),
];

/** The newest dialect of `offered` between `min` and `max`, or undefined. */
export function chooseDialect(offered: readonly number[], min: number, max: number): Dialect | undefined {
  let best: Dialect | undefined;
  for (const each of DIALECTS) {
    if (each.revision < min || each.revision > max) continue;
    if (offered.includes(each.revision)) best = each;
  }
  return best;
}
