import type { EventSchema, InferOutput } from '../../contracts/schemas/event-schema.js';
import type { SyncKind } from '../definition/sync.js';
import type { ConnectionContext } from '../tenants/connection-context.js';
import type { TimestampCursor, TimestampCursorOptions } from './timestamp-cursor.js';

/** What a method with `@ConnectorSync` has. */
export interface SyncContext<C = unknown, Config = unknown> extends ConnectionContext<Config> {
  /** What the run does. */
  readonly kind: SyncKind;
  /** The checkpoint of the last page that was saved. Undefined at the beginning. */
  readonly checkpoint: (C extends EventSchema ? InferOutput<C> : C) | undefined;
  /** A cursor by the times of changes. Yield `cursor.after(records)` as the checkpoint of each page. */
  timestampCursor(options: TimestampCursorOptions): TimestampCursor;
}
