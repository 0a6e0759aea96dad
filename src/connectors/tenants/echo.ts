import type { EventMetadata } from '../../events/domain-event.js';
import { labelOf } from '../connections/connection.js';

/**
 * Whether a change came from the other side of a connection. A subscriber that writes changes back leaves
 * such an event out, or the two systems would tell each other for ever. It also holds for events that
 * handlers of such an event have published, because they inherit its origin.
 */
export function isEchoOf(
  event: { readonly metadata: EventMetadata },
  connection: { readonly id: string },
): boolean {
  return event.metadata.origin === labelOf(connection);
}
