// Client addresses as limits count them: an IPv6 client chooses freely among the addresses of its /64.

/** Returns an IPv4-mapped IPv6 address as the IPv4 address, so that limits and logs treat both as one. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

/**
 * The key by which limits count the clients of an address: an IPv4 address itself, the /64 of an IPv6
 * address. Link-local addresses of one network are one client, as their prefix is the same.
 */
export function addressBlock(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    // A dotted tail stands for two groups.
    const count = groups.length + after.length + (tail.includes(".") ? 1 : 0);
    for (let missing = 8 - count; missing > 0; missing--) groups.push("0");
    groups.push(...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")}::/64`;
}
