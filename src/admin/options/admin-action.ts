/**
 * The actions of the admin API of the engine, by the name that `permission` is asked with. Each route has one
 * of them, or one that its part adds.
 */
export const ADMIN_ACTIONS = [
  'session.read',
  'overview.read',
  'consumers.read',
  'consumers.pause',
  'consumers.resume',
  'consumers.replay',
  'consumers.repartition',
  'consumers.remove',
  'events.read',
  'events.correct',
  'payloads.read',
  'entities.read',
  'dead-letters.read',
  'dead-letters.note',
  'dead-letters.rehearse',
  'operations.read',
  'operations.plan',
  'operations.run',
  'operations.pause',
  'operations.resume',
  'operations.rate',
  'operations.cancel',
  'settings.read',
  'settings.change',
  'processes.read',
  'doctor.read',
  'audit.read',
] as const;

/** The actions that parts add. Each part adds its own: `'parcels.read': true`. */
// biome-ignore lint/suspicious/noEmptyInterface: parts add to it
export interface AddedAdminActions {}

/** The name of an action. `payloads.read` is the action of reading what an event carries. */
export type AdminAction = (typeof ADMIN_ACTIONS)[number] | keyof AddedAdminActions;

/** What an action is about. It has only what the path of the request names. */
export interface AdminTarget {
  /** The name of a consumer. */
  readonly consumer?: string | undefined;
  /** The id of an event (a uuid). */
  readonly event?: string | undefined;
  /** The id of an operation (a uuid). */
  readonly operation?: string | undefined;
  /** The type and the id of an entity, which is an aggregate of events. */
  readonly entity?: { readonly type: string; readonly id: string } | undefined;
}
