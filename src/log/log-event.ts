import { type AggregateKey, hashOfAggregate, nameOfAggregate } from '../events/aggregate-key.js';
import type { EventMetadata } from '../events/domain-event.js';
import { copyOfJson } from '../events/json-copy.js';

/**
 * The largest payload, in bytes, that stays parsed for the next consumer. A larger one is parsed again,
 * because keeping it costs more memory than parsing saves.
 */
const LARGEST_KEPT_BYTES = 16 * 1024;

const FIRST_DATE = Date.parse('0001-01-01T00:00:00Z');
const LAST_DATE = Date.parse('9999-12-31T23:59:59Z');

/** The columns of an event in the log. Payload and metadata are JSON text. */
export interface LogColumns {
  readonly position: number;
  readonly id: string;
  readonly eventName: string;
  readonly eventVersion: number;
  readonly sourceModule: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly payload: string;
  /**
   * Undefined where the metadata only says that the event begins a correlation of its own. Most events are
   * like that, and parsing and keeping their metadata would cost time and memory for nothing.
   */
  readonly metadata: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Size of the payload in bytes. */
  readonly bytes: number;
  /** Milliseconds until the event may be handled. Undefined when it may be handled now. */
  readonly delayMs: number | undefined;
}

/**
 * An event as it stands in the log. Consumers that read the same page share this object. Each consumer gets a
 * payload object of its own.
 */
export class LogEvent implements AggregateKey {
  readonly position: number;
  readonly id: string;
  readonly eventName: string;
  readonly eventVersion: number;
  readonly sourceModule: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Size of the payload in bytes. */
  readonly bytes: number;
  /**
   * Milliseconds from the reading of the event until it may be handled. Undefined when it may be handled now.
   */
  readonly delayMs: number | undefined;

  private payload: string;
  private readonly metadata: string | undefined;
  private aggregate: string | undefined;
  private hash: number | undefined;
  /** How many consumers have not yet taken the payload, where it is parsed once for all of them. */
  private takers = 0;
  private parsed: unknown;
  private lookedAt: EventMetadata | undefined;

  constructor(columns: LogColumns) {
    this.position = columns.position;
    this.id = columns.id;
    this.eventName = columns.eventName;
    this.eventVersion = columns.eventVersion;
    this.sourceModule = columns.sourceModule;
    this.aggregateType = columns.aggregateType;
    this.aggregateId = columns.aggregateId;
    this.createdAt = columns.createdAt;
    this.bytes = columns.bytes;
    this.delayMs = columns.delayMs;
    this.payload = columns.payload;
    this.metadata = columns.metadata;
  }

  /** The name of the event's aggregate. It is computed once. */
  get aggregateName(): string {
    this.aggregate ??= nameOfAggregate(this);
    return this.aggregate;
  }

  /** The hash of the aggregate's name. It is computed once. */
  get aggregateHash(): number {
    this.hash ??= hashOfAggregate(this);
    return this.hash;
  }

  /** Adds a payload that was too large to be read with the rest of its page. */
  addPayload(payload: string): void {
    this.payload = payload;
  }

  /** Announces how many consumers will take the payload. */
  share(takers: number): void {
    if (this.bytes <= LARGEST_KEPT_BYTES) this.takers = takers;
  }

  /**
   * Returns the payload for one handler to keep. Nobody else holds the same object. The last consumer that
   * shares the payload gets the original, not a copy.
   */
  takePayload(): unknown {
    if (this.takers === 0) return JSON.parse(this.payload);
    this.takers--;
    this.parsed ??= JSON.parse(this.payload);
    if (this.takers > 0) return copyOfJson(this.parsed);
    const { parsed } = this;
    this.parsed = undefined;
    return parsed;
  }

  /** Returns the payload as JSON text, for a handler that wants text. */
  takePayloadText(): string {
    if (this.takers > 0 && --this.takers === 0) this.parsed = undefined;
    return this.payload;
  }

  /** Returns the metadata for somebody who reads it at once. The next caller gets the same object. */
  lookAtMetadata(): EventMetadata {
    this.lookedAt ??= this.takeMetadata();
    return this.lookedAt;
  }

  /**
   * Returns the metadata for one handler to keep. Plain SQL may have written null or a list as metadata. Such
   * an event begins a correlation of its own.
   */
  takeMetadata(): EventMetadata {
    const { lookedAt } = this;
    this.lookedAt = undefined;
    if (lookedAt !== undefined) return lookedAt;
    const given: unknown = this.metadata === undefined ? undefined : JSON.parse(this.metadata);
    return isObject(given) ? given : { correlationId: this.id };
  }

  /**
   * The time of publication. Plain SQL may have written infinity, or a time that no Date can hold. The result
   * is then the nearest time that a Date can hold.
   */
  takeTimestamp(): Date {
    return new Date(Math.min(Math.max(this.createdAt, FIRST_DATE), LAST_DATE));
  }
}

function isObject(value: unknown): value is EventMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
