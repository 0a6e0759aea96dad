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
  trace,
} from '@opentelemetry/api';
import { errorTypeOf } from './error-type.js';
import {
  type AttemptEnd,
  type AttemptObserver,
  type HandledAttempt,
  type HandledMessage,
  isFailure,
} from './handled-message.js';
import { ATTRIBUTES as A, SYSTEM } from './names.js';

/** The SDK looks for this key of the context and records nothing below it. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Characters, which are bytes here. W3C Baggage demands no more, and metadata has a limit of its own. */
const LONGEST_BAGGAGE = 8_192;

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Runs `fn` without spans of whatever instrumentation the application has. */
export function untraced<R>(fn: () => R): R {
  return context.with(context.active().setValue(SUPPRESSED, true), fn);
}

/**
 * Makes the spans of publishing and of attempts. The names follow OpenTelemetry's conventions for messaging.
 */
export class Spans {
  private readonly tracer = trace.getTracer('nestjs-integration');

  constructor(
    private readonly handlerSpans: 'linked' | 'child',
    private readonly carriesBaggage: boolean,
  ) {}

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
  process(attempt: HandledAttempt): AttemptObserver {
    const [first] = attempt.messages;
    const isOne = first !== undefined && !attempt.isBatch;
    const publisher = isOne && this.isChild(attempt, first) ? contextOf(first) : undefined;
    const options: SpanOptions = {
      kind: SpanKind.CONSUMER,
      attributes: isOne ? attributesOfOne(attempt, first) : attributesOfBatch(attempt),
      ...(publisher === undefined ? { root: true, links: linksOf(attempt.messages) } : {}),
    };
    const parent = publisher === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, publisher);
    const span = this.tracer.startSpan(`process ${first?.eventName ?? ''}`.trimEnd(), options, parent);
    const around = trace.setSpan(isOne ? this.withBaggage(ROOT_CONTEXT, first) : ROOT_CONTEXT, span);
    return new AttemptSpan(span, around);
  }

  private isChild({ attempt }: HandledAttempt, message: HandledMessage): boolean {
    return this.handlerSpans === 'child' && attempt === 1 && message.isFromLog;
  }

  private withBaggage(around: Context, { metadata }: HandledMessage): Context {
    if (!this.carriesBaggage || typeof metadata.baggage !== 'string') return around;
    return propagation.extract(around, { baggage: metadata.baggage });
  }
}

class AttemptSpan implements AttemptObserver {
  constructor(
    private readonly span: Span,
    private readonly around: Context,
  ) {}

  run<R>(fn: () => R): R {
    return context.with(this.around, fn);
  }

  ended(end: AttemptEnd): void {
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

function attributesOfOne(attempt: HandledAttempt, message: HandledMessage): Attributes {
  const { correlationId } = message.metadata;
  return {
    ...attributesOf(attempt, message),
    [A.messageId]: message.id,
    [A.conversationId]: typeof correlationId === 'string' ? correlationId : message.id,
    [A.position]: message.position,
  };
}

function attributesOfBatch(attempt: HandledAttempt): Attributes {
  const [first] = attempt.messages;
  return { ...attributesOf(attempt, first), [A.batchCount]: attempt.messages.length };
}

function attributesOf(attempt: HandledAttempt, message: HandledMessage | undefined): Attributes {
  return {
    [A.system]: SYSTEM,
    [A.operationName]: 'process',
    [A.operationType]: 'process',
    ...(message === undefined ? {} : { [A.destination]: message.eventName }),
    [A.consumer]: attempt.consumerName,
    [A.partition]: String(attempt.partition),
    [A.attempt]: attempt.attempt,
  };
}

function linksOf(messages: readonly HandledMessage[]): Link[] {
  return messages.flatMap((message) => {
    const publisher = contextOf(message);
    return publisher === undefined ? [] : [{ context: publisher, attributes: { [A.messageId]: message.id } }];
  });
}

/** The span that published an event, if its metadata names one. */
function contextOf({ metadata: { traceparent, tracestate } }: HandledMessage): SpanContext | undefined {
  const [, traceId, spanId, flags] =
    (typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(typeof tracestate === 'string' ? { traceState: createTraceState(tracestate) } : {}),
  };
}
