import 'reflect-metadata';
import { IntegrationError } from '../errors.js';
import type { EventName } from '../events/domain-event.js';
import type {
  AnySubscriberDefinition,
  BatchSubscriberHandler,
  BatchSubscriberOptions,
  SingleSubscriberOptions,
  SubscriberHandler,
} from './subscriber-definition.js';

const SUBSCRIBER_METADATA = Symbol('nestjs-integration:subscriber');

type DecoratedOptions = Omit<AnySubscriberDefinition, 'handler'>;

/** A decorator for methods that can be such a handler. */
export type HandlerDecorator<Handler> = <Method extends Handler>(
  target: object,
  methodName: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** What the decorator takes behind the event's name. */
type Named<Options> = Omit<Options, 'eventName'> & { eventName?: never };

/**
 * Makes a provider's method the handler of events; several may stand on one method. Request-scoped and transient
 * providers are made anew for each call, with the event as their `REQUEST`.
 *
 * ```ts
 * @IntegrationSubscriber('invoice.created', { consumerName: 'operations.invoices' })
 * async onInvoice(event: DomainEvent<InvoiceCreated>, context: SubscriberContext) { … }
 * ```
 *
 * The names, one or a list, may also be given as the option `eventName`.
 */
export function IntegrationSubscriber<const N extends EventName>(
  eventName: N | readonly N[],
  options: Named<BatchSubscriberOptions<N>>,
): HandlerDecorator<BatchSubscriberHandler<N>>;
export function IntegrationSubscriber<const N extends EventName>(
  eventName: N | readonly N[],
  options: Named<SingleSubscriberOptions<N>>,
): HandlerDecorator<SubscriberHandler<N>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: BatchSubscriberOptions<N>,
): HandlerDecorator<BatchSubscriberHandler<N>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: SingleSubscriberOptions<N>,
): HandlerDecorator<SubscriberHandler<N>>;
export function IntegrationSubscriber(
  namesOrOptions: string | readonly string[] | DecoratedOptions,
  named: Partial<DecoratedOptions> = {},
): HandlerDecorator<unknown> {
  const options = isNames(namesOrOptions) ? { ...named, eventName: namesOrOptions } : namesOrOptions;
  if (isNames(namesOrOptions) && named.eventName !== undefined)
    throw namedTwice(namesOrOptions, named.eventName);
  return (_target, _methodName, descriptor) => {
    const method = descriptor.value as object;
    // Decorators run bottom up; kept in the order in which they are read.
    Reflect.defineMetadata(SUBSCRIBER_METADATA, [options, ...subscriberOptionsOf(method)], method);
  };
}

function isNames(given: string | readonly string[] | DecoratedOptions): given is string | readonly string[] {
  return typeof given === 'string' || Array.isArray(given);
}

function namedTwice(...names: readonly (string | readonly string[])[]): IntegrationError {
  const [first, second] = names.map((each) => JSON.stringify(each));
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `@IntegrationSubscriber was given event names twice: ${first} and eventName: ${second}. Give all of them once, as the first argument.`,
  );
}

/** What `@IntegrationSubscriber` says of a method; empty for any other value. */
export function subscriberOptionsOf(method: unknown): readonly DecoratedOptions[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(SUBSCRIBER_METADATA, method) as DecoratedOptions[] | undefined) ?? [];
}
