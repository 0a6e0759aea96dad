export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead', 'cancelled'] as const;

/** `dead`: its attempts are used up. `cancelled`: somebody has ended it. */
export type WebhookDeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One event on its way to one destination. */
export interface WebhookDelivery {
  /** The destination and the position, as `<uuid>.<position>`. */
  readonly id: string;
  readonly destinationId: string;
  /** The position of the event in the log. */
  readonly position: number;
  /** The id of the event, which receivers get as `webhook-id`. Null if the body could not be made. */
  readonly outboxEventId: string | null;
  readonly eventName: string | null;
  /** The type that receivers see. */
  readonly type: string | null;
  readonly eventAt: Date | null;
  readonly status: WebhookDeliveryStatus;
  readonly attempts: number;
  /** When it is sent. Null if it waits for another delivery, or has ended. */
  readonly dueAt: Date | null;
  /** The HTTP status of the last answer. */
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}

/** One attempt to deliver. */
export interface WebhookAttempt {
  readonly attempt: number;
  readonly at: Date;
  readonly durationMs: number;
  /** Null if no answer came. */
  readonly statusCode: number | null;
  readonly error: string | null;
  /** The beginning of the answer. */
  readonly answer: string | null;
}

export interface WebhookDeliveryDetails extends WebhookDelivery {
  /** The latest first, at most 100. */
  readonly attemptList: readonly WebhookAttempt[];
  /**
   * The JSON of what is sent of the event, without what the format puts around it. Null if it could not be
   * made.
   */
  readonly data: string | null;
}

/** Chooses deliveries. One must match every given field. */
export interface WebhookDeliveryFilter {
  readonly destinationId?: string | undefined;
  readonly status?: WebhookDeliveryStatus | undefined;
  /** The type that receivers see. */
  readonly type?: string | undefined;
}

export interface WebhookDeliveryPageRequest {
  /** Number of deliveries: 50 by default, at most 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface WebhookDeliveryPage {
  /** The latest events first. */
  readonly deliveries: WebhookDelivery[];
  /** Give it as `after` for the next page. Null on the last page. */
  readonly next: string | null;
}

/** The place of a delivery. */
export interface DeliveryPlace {
  readonly destinationId: string;
  readonly position: number;
}

export function deliveryId({ destinationId, position }: DeliveryPlace): string {
  return `${destinationId}.${position}`;
}

const ID = /^([0-9a-f-]{36})\.([1-9]\d{0,15})$/i;

/** The place that an id names, or undefined for what is no id. */
export function deliveryPlaceOf(id: unknown): DeliveryPlace | undefined {
  const [, destinationId, position] = ID.exec(typeof id === 'string' ? id : '') ?? [];
  return destinationId === undefined ? undefined : { destinationId, position: Number(position) };
}
