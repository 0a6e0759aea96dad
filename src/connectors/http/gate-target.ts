import type { GateLimit, GateTarget } from '../../gate/gate-limit.js';
import type { HttpIdentity, HttpLimit } from './http-identity.js';

/** The keys of a connection and of a connector in the gate. */
export const connectionGate = (connectionId: string): string => `connection:${connectionId}`;
export const connectorGate = (connector: string): string => `connector:${connector}`;

/** How a limit stands in the gate: its number is its place among the limits of the connector. */
function gateLimitOf(identity: HttpIdentity, limit: HttpLimit, index: number): GateLimit {
  const { limit: most, perMs } = limit;
  const key =
    limit.of === 'connector' ? connectorGate(identity.connector) : connectionGate(identity.connectionId);
  const row = { key, no: index + 1, limit: most, perMs };
  return limit.kind === 'rate' ? { ...row, kind: 'rate', burst: limit.burst } : { ...row, kind: 'quota' };
}

/** What was made of an identity, as long as its limits are the same. */
export interface KnownTarget {
  readonly target: GateTarget;
  readonly connectionId: string;
  readonly limits: readonly HttpLimit[];
}

/** @param known that of the identity before, which is nearly always the same */
export function knownTargetOf(identity: HttpIdentity, known: KnownTarget | undefined): KnownTarget {
  const { connectionId, limits } = identity;
  const isSame =
    known !== undefined &&
    known.connectionId === connectionId &&
    known.limits.length === limits.length &&
    known.limits.every((each, i) => each === limits[i]);
  return isSame ? known : { target: gateTargetOf(identity), connectionId, limits: [...limits] };
}

function gateTargetOf(identity: HttpIdentity): GateTarget {
  const { limits } = identity;
  return {
    key: connectionGate(identity.connectionId),
    others: limits.some(({ of }) => of === 'connector') ? [connectorGate(identity.connector)] : [],
    limits: limits.map((limit, index) => gateLimitOf(identity, limit, index)),
  };
}

/**
 * Who is to be left alone after a 429: the connector if its limits are all counted together, and else the
 * connection, so that a tenant that asks too much holds up no other.
 */
export function limitedKeyOf(identity: HttpIdentity): string {
  const { limits } = identity;
  return limits.length > 0 && limits.every(({ of }) => of === 'connector')
    ? connectorGate(identity.connector)
    : connectionGate(identity.connectionId);
}
