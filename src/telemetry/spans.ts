import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  createTraceState,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { errorTypeOf } from './error-type.js';
import {
  type AttemptEnd,
  type AttemptObserver,
  type HandledAttempt,
  type HandledMessage,
  isFailure,
  type MessageMetadata,
} from './handled-message.js';
import { ATTRIBUTES as A, SYSTEM } from './names.js';
import type { TelemetryOptions } from './telemetry-options.js';

/** The SDK looks for this key of the context and records nothing below it. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Characters, which are bytes here. W3C Baggage demands no more, and metadata has a limit of its own. */
const LONGEST_BAGGAGE = 8_192;

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Runs `fn` without spans of whatever instrumentation the application has. */
export function untraced<R>(fn: () => R): R {
  return context.with(context.active().setValue(SUPPRESSED, true), fn);
}

/**
 * Makes the spans of publishing and of attempts. The names follow OpenTelemetry's conventions for messaging.
 */
export class Spans {
  private readonly tracer = trace.getTracer('nestjs-integration');

  private readonly handlerSpans: 'linked' | 'child';
  private readonly carriesBaggage: boolean;
  private readonly ratio: number;
  private readonly unsampled = unsampledContext();
  /** One object serves all attempts that are left out. */
  private readonly leftOut: AttemptObserver = new PassedSpan(this.unsampled);

  constructor({ handlerSpans, baggage, handlerSpanRatio }: TelemetryOptions) {
    this.handlerSpans = handlerSpans ?? 'linked';
    this.carriesBaggage = baggage === true;
    this.ratio = handlerSpanRatio ?? 1;
  }

  /** Runs `publish` inside a span. The events carry the context of this span. */
  async publish<R>(names: readonly string[], publish: () => Promise<R>): Promise<R> {
    const [name] = names;
    const isOneName = name !== undefined && names.every((each) => each === name);
    const attributes: Attributes = {
      [A.system]: SYSTEM,
      [A.operationName]: 'publish',
      [A.operationType]: 'send',
      ...(isOneName ? { [A.destination]: name } : {}),
      ...(names.length === 1 ? {} : { [A.batchCount]: names.length }),
    };
    const span = this.tracer.startSpan(isOneName ? `publish ${name}` : 'publish', {
      kind: SpanKind.PRODUCER,
      attributes,
    });
    try {
      return await context.with(trace.setSpan(context.active(), span), publish);
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** The baggage around the calling code as a header of W3C, if it is to be stored. */
  get baggage(): string | undefined {
    if (!this.carriesBaggage) return undefined;
    const carrier: { baggage?: string } = {};
    propagation.inject(context.active(), carrier);
    const { baggage } = carrier;
    return baggage === undefined || baggage.length > LONGEST_BAGGAGE ? undefined : baggage;
  }

  /** Begins the span of an attempt. */
  process(attempt: HandledAttempt, partition: number): AttemptObserver {
    const isChild = this.isChild(attempt);
    // The publisher's sampler has decided for its children already.
    if (!isChild && this.ratio < 1 && Math.random() >= this.ratio) return this.leaveOut(attempt);
    const { isBatch } = attempt;
    const first = attempt.delivery.log;
    const metadata = first.lookAtMetadata();
    const publisher = isChild ? contextOf(metadata) : undefined;
    const options: SpanOptions = {
      kind: SpanKind.CONSUMER,
      attributes: attributesAtStart(attempt, partition),
      ...(publisher === undefined ? { links: linksOf(attempt, metadata) } : {}),
    };
    const parent = publisher === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, publisher);
    const span = this.tracer.startSpan(`process ${first.eventName}`, options, parent);
    const around = trace.setSpan(isBatch ? ROOT_CONTEXT : this.withBaggage(ROOT_CONTEXT, metadata), span);
    if (!span.isRecording()) return new PassedSpan(around);
    span.setAttributes(isBatch ? attributesOfBatch(attempt) : attributesOfOne(attempt, metadata));
    return new AttemptSpan(span, around);
  }

  private leaveOut({ delivery, isBatch }: HandledAttempt): AttemptObserver {
    if (!this.carriesBaggage || isBatch) return this.leftOut;
    return new PassedSpan(this.withBaggage(this.unsampled, delivery.log.lookAtMetadata()));
  }

  private isChild({ delivery: { attempt, claim }, isBatch }: HandledAttempt): boolean {
    return this.handlerSpans === 'child' && attempt === 1 && claim === undefined && !isBatch;
  }

  private withBaggage(around: Context, metadata: MessageMetadata): Context {
    if (!this.carriesBaggage || typeof metadata.baggage !== 'string') return around;
    return propagation.extract(around, { baggage: metadata.baggage });
  }
}

/** A context in which nothing is sampled that asks for its parent's decision. */
function unsampledContext(): Context {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.NONE, isRemote: true });
}

/** A span that is not sampled. What runs inside it is not sampled either. */
class PassedSpan implements AttemptObserver {
  readonly surrounds = true;

  constructor(private readonly around: Context) {}

  run<R>(fn: () => R): R {
    return context.with(this.around, fn);
  }

  ended(): void {}
}

class AttemptSpan implements AttemptObserver {
  readonly surrounds = true;

  constructor(
    private readonly span: Span,
    private readonly around: Context,
  ) {}

  run<R>(fn: () => R): R {
    return context.with(this.around, fn);
  }

  ended(_: HandledAttempt, end: AttemptEnd): void {
    const { kind, error, reason } = end;
    this.span.setAttribute(A.outcome, kind);
    if (reason !== undefined) this.span.setAttribute(A.reason, reason);
    if (isFailure(end)) failed(this.span, error);
    this.span.end();
  }
}

/** The message of an error may hold data of the event, so a span only gets the type of the error. */
function failed(span: Span, error: unknown): void {
  if (error !== undefined) span.setAttribute(A.errorType, errorTypeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** What a sampler may judge by, as the conventions list it. Most spans are not sampled and need no more. */
function attributesAtStart(
  { delivery: { log, subscription } }: HandledAttempt,
  partition: number,
): Attributes {
  return {
    'messaging.system': SYSTEM,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': log.eventName,
    'messaging.consumer.group.name': subscription.consumerName,
    'messaging.destination.partition.id': String(partition),
  } satisfies Partial<Record<(typeof A)[keyof typeof A], string>>;
}

function attributesOfOne({ delivery }: HandledAttempt, { correlationId }: MessageMetadata): Attributes {
  const { attempt, log } = delivery;
  return {
    [A.attempt]: attempt,
    [A.messageId]: log.id,
    [A.conversationId]: typeof correlationId === 'string' ? correlationId : log.id,
    [A.position]: log.position,
  };
}

function attributesOfBatch({ delivery, others }: HandledAttempt): Attributes {
  return { [A.attempt]: delivery.attempt, [A.batchCount]: 1 + others.length };
}

/** `metadata` is of the first message. */
function linksOf({ delivery, others }: HandledAttempt, metadata: MessageMetadata): Link[] {
  const links = linkOf(delivery.log, metadata);
  return others.length === 0
    ? links
    : [...links, ...others.flatMap(({ log }) => linkOf(log, log.lookAtMetadata()))];
}

function linkOf({ id }: HandledMessage, metadata: MessageMetadata): Link[] {
  const publisher = contextOf(metadata);
  return publisher === undefined ? [] : [{ context: publisher, attributes: { [A.messageId]: id } }];
}

/** The span that published an event, if its metadata names one. */
function contextOf({ traceparent, tracestate }: MessageMetadata): SpanContext | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16) & 1,
    isRemote: true,
    ...(typeof tracestate === 'string' ? { traceState: createTraceState(tracestate) } : {}),
  };
}
