// The server-wide id of a lease: the client's GUID and the lease key; [MS-SMB2] 3.3.1.12.

/** 16 bytes of client GUID (`clientGuid`, already hex) and 16 bytes of lease key, in hex. */
export function leaseIdOf(clientGuid: string, key: Uint8Array): string {
  return clientGuid + hexOf(key);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
