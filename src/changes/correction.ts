import type { ChangeAuthor } from '../audit/change-author.js';
import type { JsonPatchOperation } from '../events/json-patch.js';
import type { EventHead } from '../log/event-look.js';

/**
 * What is published in the place of an event that failed. It has either the whole payload, or a patch, which
 * is applied to the payload of that event.
 */
export interface Correction {
  payload?: unknown;
  /** A JSON Patch (RFC 6902): `[{ op: 'replace', path: '/lines/0/price', value: 12 }]`. */
  patch?: readonly JsonPatchOperation[] | undefined;
  /** The version of the payload. The default is that of the event. */
  eventVersion?: number | undefined;
}

export interface CorrectionOptions extends ChangeAuthor {
  /** Why, for people who read the audit and the discarded event later. */
  reason: string;
  /**
   * Returns what the author may see of a payload, which is given as JSON text, and belongs to the event that
   * failed or to the one that would be published. It is for patches. What it hides stays as it was, unless
   * the patch puts something else in its place. A patch then only has the operations `add`, `remove` and
   * `replace`, and is refused if the new event would show what was hidden. Without it, the author may see
   * everything.
   */
  mask?: ((payload: string, failed: EventHead) => Promise<string>) | undefined;
}

export interface CorrectionResult {
  /** The event that was published. */
  outboxEventId: string;
  position: number;
}
