import 'reflect-metadata';
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

/**
 * Makes a provider's method the handler of events; several may stand on one method. Request-scoped and transient
 * providers are made anew for each call, with the event as their `REQUEST`.
 *
 * ```ts
 * @IntegrationSubscriber({ eventName: 'invoice.created', consumerName: 'operations.invoices' })
 * async onInvoice(event: DomainEvent<InvoiceCreated>, context: SubscriberContext) { … }
 * ```
 */
export function IntegrationSubscriber<const N extends EventName>(
  options: BatchSubscriberOptions<N>,
): HandlerDecorator<BatchSubscriberHandler<N>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: SingleSubscriberOptions<N>,
): HandlerDecorator<SubscriberHandler<N>>;
export function IntegrationSubscriber(options: DecoratedOptions): HandlerDecorator<unknown> {
  return (_target, _methodName, descriptor) => {
    const method = descriptor.value as object;
    // Decorators run bottom up; kept in the order in which they are read.
    Reflect.defineMetadata(SUBSCRIBER_METADATA, [options, ...subscriberOptionsOf(method)], method);
  };
}

/** What `@IntegrationSubscriber` says of a method; empty for any other value. */
export function subscriberOptionsOf(method: unknown): readonly DecoratedOptions[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(SUBSCRIBER_METADATA, method) as DecoratedOptions[] | undefined) ?? [];
}
