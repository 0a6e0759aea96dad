import { type AggregateKey, hashOfAggregate, nameOfAggregate } from '../events/aggregate-key.js';
import type { EventMetadata } from '../events/domain-event.js';
import { copyOfJson } from '../events/json-copy.js';

/**
 * Parsed payloads of larger events are not kept for the next consumer: memory is dearer than parsing once
 * more.
 */
const LARGEST_KEPT_BYTES = 16 * 1024;

const FIRST_DATE = Date.parse('0001-01-01T00:00:00Z');
const LAST_DATE = Date.parse('9999-12-31T23:59:59Z');

/** The columns of an event of the log. Payload and metadata are JSON text. */
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
   * Undefined where the event begins a correlation of its own, and no more is said: most events' would be
   * parsed, and kept, for nothing.
   */
  readonly metadata: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Of the payload. */
  readonly bytes: number;
  /** Milliseconds until the event may be handled; undefined when that is now. */
  readonly delayMs: number | undefined;
}

/**
 * An event as it lies in the log. Consumers that read the same page share it; each gets a payload of its own.
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
  /** Of the payload. */
  readonly bytes: number;
  /** Milliseconds until the event may be handled, as of its reading; undefined when that is now. */
  readonly delayMs: number | undefined;

  private payload: string;
  private readonly metadata: string | undefined;
  private aggregate: string | undefined;
  private hash: number | undefined;
  /** How many are still to ask for the payload, where it is parsed once for them. */
  private takers = 0;
  private parsed: unknown;

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

  /** The name of its aggregate, made once. */
  get aggregateName(): string {
    this.aggregate ??= nameOfAggregate(this);
    return this.aggregate;
  }

  /** Of that name, made once. */
  get aggregateHash(): number {
    this.hash ??= hashOfAggregate(this);
    return this.hash;
  }

  /** It was too large to come along with the rest of its page. */
  addPayload(payload: string): void {
    this.payload = payload;
  }

  /** So many consumers are going to ask for its payload. */
  share(takers: number): void {
    if (this.bytes <= LARGEST_KEPT_BYTES) this.takers = takers;
  }

  /**
   * The payload, for one handler to keep: nobody else has the same object. The last of those that share it
   * gets no copy.
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

  /** The payload as its JSON text, for a handler that wants it so. */
  takePayloadText(): string {
    if (this.takers > 0 && --this.takers === 0) this.parsed = undefined;
    return this.payload;
  }

  /** Plain SQL may have written a null or a list there: such an event begins a correlation of its own. */
  takeMetadata(): EventMetadata {
    const given: unknown = this.metadata === undefined ? undefined : JSON.parse(this.metadata);
    return isObject(given) ? given : { correlationId: this.id };
  }

  /**
   * When it was published. Plain SQL may have written a time that no Date can hold, or infinity: the nearest
   * that one can.
   */
  takeTimestamp(): Date {
    return new Date(Math.min(Math.max(this.createdAt, FIRST_DATE), LAST_DATE));
  }
}

function isObject(value: unknown): value is EventMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
