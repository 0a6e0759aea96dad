/** The longest texts of an event in characters. They are as long as their columns allow. */
export const EVENT_TEXT_LIMITS = {
  eventName: 255,
  sourceModule: 127,
  aggregateType: 127,
  aggregateId: 255,
  deduplicationKey: 255,
} as const;

/** Bytes of JSON text in UTF-8: 1 MiB. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576;

/** Bytes of JSON text in UTF-8: 64 KiB. Metadata has only a few identifiers. */
export const MAX_METADATA_BYTES = 65_536;

/** How deeply objects and arrays may be nested. Postgres' own JSON parser allows far more. */
export const MAX_JSON_DEPTH = 500;

/** The limit of a payload's size. It is a class so that it can be injected by its name. */
export class EventLimits {
  /** @param maxPayloadBytes bytes of a payload's JSON text in UTF-8 */
  constructor(readonly maxPayloadBytes: number = DEFAULT_MAX_PAYLOAD_BYTES) {}
}
