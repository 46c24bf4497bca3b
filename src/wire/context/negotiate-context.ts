// Negotiate contexts of SMB 3.1.1, as a table of types and codecs.
// [MS-SMB2] 2.2.3.1 (requests), 2.2.4.1 (responses): the structures are the same in both.
import { type Message, type Reader, type Writer, wireError } from "../cursor.ts";

export const NegotiateContextType = {
  PREAUTH_INTEGRITY_CAPABILITIES: 0x0001,
  ENCRYPTION_CAPABILITIES: 0x0002,
  COMPRESSION_CAPABILITIES: 0x0003,
  NETNAME_NEGOTIATE_CONTEXT_ID: 0x0005,
  TRANSPORT_CAPABILITIES: 0x0006,
  RDMA_TRANSFORM_CAPABILITIES: 0x0007,
  SIGNING_CAPABILITIES: 0x0008,
  POSIX_EXTENSIONS_AVAILABLE: 0x0100,
} as const;

export const HashAlgorithm = { SHA_512: 0x0001 } as const;
export const Cipher = { AES_128_CCM: 1, AES_128_GCM: 2, AES_256_CCM: 3, AES_256_GCM: 4 } as const;
export type Cipher = (typeof Cipher)[keyof typeof Cipher];
export const SigningAlgorithm = { HMAC_SHA256: 0, AES_CMAC: 1, AES_GMAC: 2 } as const;
export type SigningAlgorithm = (typeof SigningAlgorithm)[keyof typeof SigningAlgorithm];

/** A decoded context. Algorithm lists are in the sender's order of preference. */
export type NegotiateContext =
  | { readonly kind: "preauth"; readonly hashAlgorithms: readonly number[]; readonly salt: Uint8Array }
  | { readonly kind: "encryption"; readonly ciphers: readonly number[] }
  | { readonly kind: "compression"; readonly flags: number; readonly algorithms: readonly number[] }
  | { readonly kind: "netname"; readonly name: string }
  | { readonly kind: "transport"; readonly flags: number }
  | { readonly kind: "rdma"; readonly transforms: readonly number[] }
  | { readonly kind: "signing"; readonly algorithms: readonly number[] }
  /** IDs of the supported versions of the POSIX extensions, 16 bytes each; see posix.ts. */
  | { readonly kind: "posix"; readonly versions: Uint8Array }
  | { readonly kind: "unknown"; readonly type: number; readonly data: Uint8Array };

type Kind = Exclude<NegotiateContext["kind"], "unknown">;
type Of<K extends Kind> = Extract<NegotiateContext, { kind: K }>;
type Table = {
  readonly [K in Kind]: {
    readonly type: number;
    readonly decode: (reader: Reader) => Of<K>;
    readonly encode: (writer: Writer, context: Of<K>) => void;
  };
};

const table: Table = {
  preauth: {
    type: NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES,
    decode(reader) {
      const count = reader.u16();
      const saltLength = reader.u16();
      const hashAlgorithms = readList(reader, count);
      return { kind: "preauth", hashAlgorithms, salt: reader.range(saltLength) };
    },
    encode(writer, context) {
      writer.u16(context.hashAlgorithms.length);
      writer.u16(context.salt.length);
      writeList(writer, context.hashAlgorithms);
      writer.raw(context.salt);
    },
  },
  encryption: {
    type: NegotiateContextType.ENCRYPTION_CAPABILITIES,
    decode: (reader) => ({ kind: "encryption", ciphers: readList(reader, reader.u16()) }),
    encode(writer, context) {
      writer.u16(context.ciphers.length);
      writeList(writer, context.ciphers);
    },
  },
  compression: {
    type: NegotiateContextType.COMPRESSION_CAPABILITIES,
    decode(reader) {
      const count = reader.u16();
      reader.skip(2);
      const flags = reader.u32();
      return { kind: "compression", flags, algorithms: readList(reader, count) };
    },
    encode(writer, context) {
      writer.u16(context.algorithms.length);
      writer.u16(0);
      writer.u32(context.flags);
      writeList(writer, context.algorithms);
    },
  },
  netname: {
    type: NegotiateContextType.NETNAME_NEGOTIATE_CONTEXT_ID,
    // The server does not use the name: half a character at its end is no reason to refuse the client.
    decode: (reader) => ({ kind: "netname", name: reader.utf16(reader.remaining & ~1) }),
    encode: (writer, context) => writer.utf16(context.name),
  },
  transport: {
    type: NegotiateContextType.TRANSPORT_CAPABILITIES,
    decode: (reader) => ({ kind: "transport", flags: reader.u32() }),
    encode: (writer, context) => writer.u32(context.flags),
  },
  rdma: {
    type: NegotiateContextType.RDMA_TRANSFORM_CAPABILITIES,
    decode(reader) {
      const count = reader.u16();
      reader.skip(6);
      return { kind: "rdma", transforms: readList(reader, count) };
    },
    encode(writer, context) {
      writer.u16(context.transforms.length);
      writer.zero(6);
      writeList(writer, context.transforms);
    },
  },
  signing: {
    type: NegotiateContextType.SIGNING_CAPABILITIES,
    decode: (reader) => ({ kind: "signing", algorithms: readList(reader, reader.u16()) }),
    encode(writer, context) {
      writer.u16(context.algorithms.length);
      writeList(writer, context.algorithms);
    },
  },
  posix: {
    type: NegotiateContextType.POSIX_EXTENSIONS_AVAILABLE,
    decode: (reader) => ({ kind: "posix", versions: reader.range(reader.remaining) }),
    encode: (writer, context) => writer.raw(context.versions),
  },
};

const decoders = new Map<number, (reader: Reader) => NegotiateContext>(
  Object.values(table).map((row) => [row.type, row.decode]),
);

const HEAD_SIZE = 8;

/**
 * Decodes `count` contexts, each aligned to 8 bytes, starting at `offset` from the SMB2 header. `least` is
 * the end of the preceding part of the message. Data after a context's known fields is ignored. Throws
 * WireError when the list is malformed.
 */
export function decodeNegotiateContexts(
  message: Message,
  offset: number,
  count: number,
  least: number,
): NegotiateContext[] {
  const contexts: NegotiateContext[] = [];
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at < least) throw wireError("negotiate context overlaps the fixed part");
    const type = message.u16(at);
    const length = message.u16(at + 2);
    const reader = message.reader(at + HEAD_SIZE, length);
    const decode = decoders.get(type);
    contexts.push(
      decode === undefined ? { kind: "unknown", type, data: reader.range(length) } : decode(reader),
    );
    at += (HEAD_SIZE + length + 7) & ~7;
  }
  return contexts;
}

/** Writes the contexts. The writer's position must be a multiple of 8 from the SMB2 header. */
export function encodeNegotiateContexts(writer: Writer, contexts: readonly NegotiateContext[]): void {
  for (const context of contexts) {
    writer.align(8);
    const head = writer.position;
    writer.zero(HEAD_SIZE);
    writer.patch16(head, context.kind === "unknown" ? context.type : table[context.kind].type);
    encodeContext(writer, context);
    writer.patch16(head + 2, writer.position - head - HEAD_SIZE);
  }
}

function encodeContext(writer: Writer, context: NegotiateContext): void {
  switch (context.kind) {
    case "preauth":
      return table.preauth.encode(writer, context);
    case "encryption":
      return table.encryption.encode(writer, context);
    case "compression":
      return table.compression.encode(writer, context);
    case "netname":
      return table.netname.encode(writer, context);
    case "transport":
      return table.transport.encode(writer, context);
    case "rdma":
      return table.rdma.encode(writer, context);
    case "signing":
      return table.signing.encode(writer, context);
    case "posix":
      return table.posix.encode(writer, context);
    case "unknown":
      return writer.raw(context.data);
  }
}

function readList(reader: Reader, count: number): number[] {
  if (count * 2 > reader.remaining) throw wireError("algorithm list cut off");
  const list: number[] = [];
  for (let i = 0; i < count; i++) list.push(reader.u16());
  return list;
}

function writeList(writer: Writer, list: readonly number[]): void {
  for (const value of list) writer.u16(value);
}
