// Names of leases: the client's GUID and the lease key; [MS-SMB2] 3.3.1.12.

/** The name of a lease in the server: 16 bytes of client in hex, 16 of key. */
export function leaseIdOf(clientGuid: string, key: Uint8Array): string {
  return clientGuid + hexOf(key);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
