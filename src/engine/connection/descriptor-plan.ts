// How the descriptors that the kernel allows the process are shared out: to clients' connections, to open
// files, and to the server itself (workers, shares' directories, look-ups under way). Reserved parts keep one
// client's opens from stopping log-ons and other users.

/** Descriptors that the server needs at any limit: two workers and the look-ups under way. */
const LEAST_RESERVE = 16;
/**
 * What it gets beyond that, as a part of the limit: more volumes have more workers, and shares a root each.
 */
const RESERVE_DIVISOR = 8;
const MOST_EXTRA_RESERVE = 112;
/** The part of the rest that connections get, at least and at most. */
const CONNECTIONS_DIVISOR = 4;
const LEAST_CONNECTIONS = 8;
/** Fewer are of no use to a client. */
const LEAST_FOR_OPENS = 8;

export interface DescriptorPlan {
  /** Connections that may be open at once. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Descriptors that all opens together may have. */
  readonly forOpens: number;
}

/**
 * Shares out `limit` descriptors (RLIMIT_NOFILE), of which `used` are open at start. Undefined where they are
 * too few to serve anybody.
 */
export function planDescriptors(
  limit: number,
  used: number,
  maxConnections: number,
  maxConnectionsPerAddress: number,
): DescriptorPlan | undefined {
  const extra = Math.min(MOST_EXTRA_RESERVE, Math.floor(limit / RESERVE_DIVISOR));
  const rest = limit - used - LEAST_RESERVE - extra;
  const part = Math.max(LEAST_CONNECTIONS, Math.floor(rest / CONNECTIONS_DIVISOR));
  const connections = Math.min(maxConnections, part);
  const forOpens = rest - connections;
  if (forOpens < LEAST_FOR_OPENS) return undefined;
  // Where descriptors are the limit, one address leaves a third of the connections to others.
  const perAddress = connections < maxConnections ? Math.ceil((connections * 2) / 3) : connections;
  return { connections, connectionsPerAddress: Math.min(maxConnectionsPerAddress, perAddress), forOpens };
}

/** The limit below which `planDescriptors` finds no plan, for the message to the administrator. */
export function leastDescriptors(used: number): number {
  let limit = used;
  while (planDescriptors(limit, used, LEAST_CONNECTIONS, LEAST_CONNECTIONS) === undefined) limit++;
  return limit;
}
