import 'reflect-metadata';
import type { EventName, KnownPattern } from '../events/domain-event.js';
import { decoratedClasses } from '../subscribers/decorated-classes.js';
import type { HandlerDecorator } from '../subscribers/integration-subscriber.decorator.js';
import type { EventOf } from '../subscribers/subscriber-definition.js';
import { invalidUse } from './saga-errors.js';
import type { SagaOptions, SagaStartOptions, SagaStepOptions } from './saga-options.js';

const SAGA = Symbol.for('nestjs-integration:saga:1');
const SAGA_METHOD = Symbol.for('nestjs-integration:saga-method:1');

/** What a decorator says about a method of a saga. */
export type SagaMethod =
  | { readonly kind: 'start'; readonly eventName: unknown; readonly options: SagaStartOptions }
  | { readonly kind: 'step'; readonly eventName: unknown; readonly options: SagaStepOptions }
  | { readonly kind: 'timeout'; readonly name: unknown };

/**
 * A handler of an event. The compiler compares the event of a declared name. For an undeclared name the
 * handler may say which payload it expects.
 */
type SagaHandler<N extends string> = [N] extends [keyof import('../events/domain-event.js').IntegrationEvents]
  ? (event: EventOf<N>, saga: never) => unknown
  : { handle(event: EventOf<N>, saga: never): unknown }['handle'];

/**
 * Makes a provider's class a saga: what happens over hours or days between several events, with a state of
 * its own.
 *
 * ```ts
 * @Saga({ name: 'order-fulfilment', steps: ['paying'], state: OrderState })
 * class OrderFulfilment {
 *   @SagaStart('order.placed', { key: (event) => event.aggregateId })
 *   async placed(event: DomainEvent, saga: SagaContext<OrderState>) { … saga.become('paying'); }
 * }
 * ```
 */
export function Saga(options: SagaOptions): ClassDecorator {
  return (target) => Reflect.defineMetadata(SAGA, options, target);
}

/** The events of this name begin a saga. If there is one of the key already, they are skipped. */
export function SagaStart<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: SagaStartOptions<N>,
): HandlerDecorator<SagaHandler<N>> {
  return methodDecorator({ kind: 'start', eventName, options: options as unknown as SagaStartOptions });
}

/** The events of calls that the saga has made. They know which saga it was, so a key is not needed. */
export function SagaStep<const N extends `integration.call.${string}`>(
  eventName: N | readonly N[],
  options?: Partial<SagaStepOptions<N>>,
): HandlerDecorator<SagaHandler<N>>;
/** The events of this name are for sagas that have begun. */
export function SagaStep<const N extends EventName>(
  eventName: KnownPattern<N> | readonly KnownPattern<N>[],
  options: SagaStepOptions<N>,
): HandlerDecorator<SagaHandler<N>>;
export function SagaStep(
  eventName: string | readonly string[],
  options: Partial<SagaStepOptions> = {},
): HandlerDecorator<never> {
  return methodDecorator({ kind: 'step', eventName, options: options as SagaStepOptions });
}

/** The method is called when the timeout of this name is due. */
export function SagaTimeout(name: string): HandlerDecorator<(saga: never) => unknown> {
  return methodDecorator({ kind: 'timeout', name });
}

/** What `@Saga` says about a class. */
export function sagaOptionsOf(type: unknown): SagaOptions | undefined {
  return typeof type === 'function'
    ? (Reflect.getOwnMetadata(SAGA, type) as SagaOptions | undefined)
    : undefined;
}

/** What the decorators say about a method. Empty for any other value. */
export function sagaMethodsOf(method: unknown): readonly SagaMethod[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(SAGA_METHOD, method) as SagaMethod[] | undefined) ?? [];
}

function methodDecorator(says: SagaMethod): HandlerDecorator<unknown> {
  return (target, methodName, descriptor) => {
    const method: unknown = (descriptor as PropertyDescriptor | undefined)?.value;
    if (typeof method !== 'function' || typeof target === 'function') throw noMethod(target, methodName);
    Reflect.defineMetadata(SAGA_METHOD, [says, ...sagaMethodsOf(method)], method);
    decoratedClasses().noteClass(target, methodName);
  };
}

/** The decorators were called without experimentalDecorators, or on something that is no method. */
function noMethod(target: unknown, member: unknown) {
  const owner = typeof target === 'function' ? target.name : (Object(target).constructor?.name ?? 'a class');
  return invalidUse(
    `${owner}.${String(member)} is decorated as a part of a saga, and is no method of an instance. Decorate methods that are not static, and switch experimentalDecorators of the compiler on`,
    { member: String(member) },
  );
}
