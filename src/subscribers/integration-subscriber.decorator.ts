import 'reflect-metadata';
import { IntegrationError } from '../errors.js';
import type { EventName, KnownPattern } from '../events/domain-event.js';
import { decoratedClasses } from './decorated-classes.js';
import type {
  AnySubscriberDefinition,
  BatchSubscriberHandler,
  BatchSubscriberOptions,
  SingleSubscriberOptions,
  SubscriberHandler,
  TextBatchSubscriberHandler,
  TextBatchSubscriberOptions,
  TextSubscriberHandler,
  TextSubscriberOptions,
} from './subscriber-definition.js';

const METADATA_NAME = 'nestjs-integration:subscriber';
/**
 * The key is the same in every copy of the package whose decorator stores the same form. The number is the
 * version of that form.
 */
const SUBSCRIBER_METADATA = Symbol.for(`${METADATA_NAME}:1`);

/** Which engine of the application calls the method. */
interface OfIntegration {
  /**
   * The name of the integration whose events the method handles, or a list of names: then it is a consumer of
   * each. The default is the integration without a name, which is called `default` in a list.
   */
  integration?: string | readonly string[] | undefined;
}

type DecoratedOptions = Omit<AnySubscriberDefinition, 'handler'> & OfIntegration;

/**
 * A decorator for methods that can be a handler of this type. A method says itself which transaction it
 * gets, so its type may be any: the handlers here are those of `never`.
 */
export type HandlerDecorator<Handler> = <Method extends Handler>(
  target: object,
  methodName: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** The options that the decorator takes after the event name. */
type Named<Options> = Omit<Options, 'eventName'> & OfIntegration & { eventName?: never };

/**
 * Makes a provider's method the handler of events. One method may have several of these decorators.
 * Request-scoped and transient providers are created again for each call, with the event as their `REQUEST`.
 *
 * ```ts
 * @IntegrationSubscriber('invoice.created', { consumerName: 'operations.invoices' })
 * async onInvoice(event: DomainEvent<InvoiceCreated>, context: SubscriberContext) { … }
 * ```
 *
 * The option `eventName` may give the name or the list of names instead.
 */
export function IntegrationSubscriber<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: Named<TextBatchSubscriberOptions<N>>,
): HandlerDecorator<TextBatchSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: Named<TextSubscriberOptions<N>>,
): HandlerDecorator<TextSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: Named<BatchSubscriberOptions<N>>,
): HandlerDecorator<BatchSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: Named<SingleSubscriberOptions<N>>,
): HandlerDecorator<SubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: TextBatchSubscriberOptions<N> & OfIntegration,
): HandlerDecorator<TextBatchSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: TextSubscriberOptions<N> & OfIntegration,
): HandlerDecorator<TextSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: BatchSubscriberOptions<N> & OfIntegration,
): HandlerDecorator<BatchSubscriberHandler<N, never>>;
export function IntegrationSubscriber<const N extends EventName>(
  options: SingleSubscriberOptions<N> & OfIntegration,
): HandlerDecorator<SubscriberHandler<N, never>>;
export function IntegrationSubscriber(
  namesOrOptions: string | readonly string[] | DecoratedOptions,
  named: Partial<DecoratedOptions> = {},
): HandlerDecorator<unknown> {
  const options = isNames(namesOrOptions) ? { ...named, eventName: namesOrOptions } : namesOrOptions;
  if (isNames(namesOrOptions) && named.eventName !== undefined)
    throw namedTwice(namesOrOptions, named.eventName);
  return (target, methodName, descriptor) => {
    refuseNoMethod(target, methodName, descriptor);
    const method = descriptor.value as object;
    // Decorators run from bottom to top. The list keeps the order in which they are read.
    Reflect.defineMetadata(SUBSCRIBER_METADATA, [options, ...subscriberOptionsOf(method)], method);
    decoratedClasses().noteClass(target, methodName);
  };
}

function isNames(given: string | readonly string[] | DecoratedOptions): given is string | readonly string[] {
  return typeof given === 'string' || Array.isArray(given);
}

/**
 * Refuses uses of the decorator that TypeScript or JavaScript allows but that cannot work. A static method
 * belongs to no provider. A property or a getter is not a method. A compiler that does not call decorators in
 * Nest's way passes other arguments.
 *
 * @throws IntegrationError INTEGRATION_SUBSCRIBER_INVALID, naming class and member
 */
function refuseNoMethod(target: unknown, member: unknown, descriptor: unknown): void {
  if (typeof member === 'object' && member !== null) {
    const { name } = member as { name?: unknown };
    throw noHandler(
      String(name),
      'is decorated without experimentalDecorators, which Nest needs: switch that option of the compiler on',
    );
  }
  if (typeof target === 'function') {
    const place = `${target.name}.${String(member)}`;
    throw noHandler(place, 'is static, and handlers are methods of providers: remove static');
  }
  const isMethod = typeof (descriptor as PropertyDescriptor | undefined)?.value === 'function';
  if (isMethod) return;
  const { name } = (target as { constructor?: { name?: string } } | null)?.constructor ?? {};
  throw noHandler(
    `${name ?? 'an object'}.${String(member)}`,
    'is not a method, but a property or an accessor: make it a method, or register the function with EventSubscriberRegistry.registerHandler',
  );
}

function noHandler(place: string, problem: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `@IntegrationSubscriber cannot make ${place} a handler: it ${problem}`,
    { place },
  );
}

function namedTwice(...names: readonly (string | readonly string[])[]): IntegrationError {
  const [first, second] = names.map((each) => JSON.stringify(each));
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `@IntegrationSubscriber was given event names twice: ${first} and eventName: ${second}. Give all of them once, as the first argument`,
  );
}

/**
 * Returns what `@IntegrationSubscriber` says about a method. This includes the decorator of another copy of
 * the package. Empty for any other value.
 *
 * @throws IntegrationError INTEGRATION_SUBSCRIBER_INVALID if a copy says it in a form that this one cannot
 * read
 */
export function subscriberOptionsOf(method: unknown): readonly DecoratedOptions[] {
  if (typeof method !== 'function') return [];
  const keys = Reflect.getMetadataKeys(method) as unknown[];
  if (keys.some((key) => key !== SUBSCRIBER_METADATA && isOfThisDecorator(key))) throw unreadable(method);
  return (Reflect.getMetadata(SUBSCRIBER_METADATA, method) as DecoratedOptions[] | undefined) ?? [];
}

function isOfThisDecorator(key: unknown): boolean {
  const name = typeof key === 'symbol' ? key.description : undefined;
  return name === METADATA_NAME || name?.startsWith(`${METADATA_NAME}:`) === true;
}

function unreadable({ name }: { readonly name: string }): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `The method ${name} is decorated with @IntegrationSubscriber of another version of nestjs-integration than that of IntegrationModule, which cannot read it. Install one version in the whole application (npm ls nestjs-integration shows which there are); a library lists the package among its peerDependencies`,
    { method: name },
  );
}
