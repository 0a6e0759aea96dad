import 'reflect-metadata';
import { decoratedClasses } from '../subscribers/decorated-classes.js';
import type { HandlerDecorator } from '../subscribers/integration-subscriber.decorator.js';
import type { SubscriberContext, SubscriberRetry } from '../subscribers/subscriber-definition.js';
import type { ScheduledEvent, ScheduleTiming } from './schedule.js';
import { invalidSchedule } from './schedule-errors.js';

const SCHEDULE = Symbol.for('nestjs-integration:schedule:1');

export interface IntegrationScheduleOptions extends ScheduleTiming {
  /**
   * It never changes: it is a part of the name of the event, `integration.schedule.<name>`, and of the
   * consumer `schedule.<name>`. Letters, digits, `.`, `_` and `-`, at most 100 characters.
   */
  name: string;
  /** The method runs in a transaction, which commits together with the event being done. */
  transactional?: boolean | undefined;
  /** How a failed event is tried again. The settings decide what is left out. */
  retry?: SubscriberRetry | undefined;
  /** How long the method may take, in milliseconds. */
  timeoutMs?: number | undefined;
}

/** A method that handles the events of a schedule. */
// biome-ignore lint/suspicious/noExplicitAny: the payload is what the options of the decorator say
export type ScheduleHandler = (event: ScheduledEvent<any>, context: SubscriberContext<never>) => unknown;

/**
 * Calls a provider's method at the times of a schedule, in one of all processes. The method is an ordinary
 * consumer, so what fails is tried again, and can be replayed.
 *
 * ```ts
 * @IntegrationSchedule({ name: 'invoices.nightly', cron: '0 2 * * *', timeZone: 'Europe/Berlin' })
 * async export(event: ScheduledEvent, context: SubscriberContext) { … }
 * ```
 */
export function IntegrationSchedule(options: IntegrationScheduleOptions): HandlerDecorator<ScheduleHandler> {
  return (target, methodName, descriptor) => {
    const method: unknown = (descriptor as PropertyDescriptor | undefined)?.value;
    if (typeof method !== 'function' || typeof target === 'function') throw noMethod(target, methodName);
    Reflect.defineMetadata(SCHEDULE, [options, ...scheduleOptionsOf(method)], method);
    decoratedClasses().noteClass(target, methodName);
  };
}

/** What `@IntegrationSchedule` says about a method. Empty for any other value. */
export function scheduleOptionsOf(method: unknown): readonly IntegrationScheduleOptions[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(SCHEDULE, method) as IntegrationScheduleOptions[] | undefined) ?? [];
}

/** The decorator was called without experimentalDecorators, or on something that is no method. */
function noMethod(target: unknown, member: unknown) {
  const owner = typeof target === 'function' ? target.name : (Object(target).constructor?.name ?? 'a class');
  const message = `${owner}.${String(member)} has @IntegrationSchedule, and is no method of an instance. Decorate methods that are not static, and switch experimentalDecorators of the compiler on`;
  return invalidSchedule(message, [message]);
}
