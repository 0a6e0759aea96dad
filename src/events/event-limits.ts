/** Longest texts of an event in characters, as wide as the columns that hold them. */
export const EVENT_TEXT_LIMITS = {
  eventName: 255,
  sourceModule: 127,
  aggregateType: 127,
  aggregateId: 255,
  deduplicationKey: 255,
} as const;

/** 1 MiB of JSON text in UTF-8. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576;

/** Metadata is a handful of identifiers; 64 KiB of JSON text in UTF-8. */
export const MAX_METADATA_BYTES = 65_536;

/** Levels of objects and arrays inside each other; far below where Postgres' own JSON parser gives up. */
export const MAX_JSON_DEPTH = 500;

/** What a payload may weigh. A class, so that it can be injected by its name. */
export class EventLimits {
  /** @param maxPayloadBytes bytes of a payload's JSON text in UTF-8. */
  constructor(readonly maxPayloadBytes: number = DEFAULT_MAX_PAYLOAD_BYTES) {}
}
