import 'reflect-metadata';
import { IntegrationError } from '../errors.js';
import { decoratedClasses } from '../subscribers/decorated-classes.js';
import type {
  AttemptOutcome,
  FinalFailure,
  PostponedOutcome,
  ProcessedOutcome,
  RetryingOutcome,
  SkippedOutcome,
} from './partition/outcome-stream.js';

/** Which integration of the application an outcome is of. */
export interface OfIntegration {
  /** Its name. It is `default` for the one without. */
  readonly integration: string;
}

/**
 * The kinds of outcome for which `@OnIntegrationEvent` can listen, and what its method receives for each
 * kind.
 */
export interface OutcomeKinds {
  /** An event was handled. */
  processed: ProcessedOutcome & OfIntegration;
  /** The handler threw `SkipEventError`. */
  skipped: SkippedOutcome & OfIntegration;
  /** The handler threw `PostponeError`. */
  postponed: PostponedOutcome & OfIntegration;
  /**
   * An attempt failed, and the event is not a dead letter. Another attempt follows, or dead letters are
   * switched off.
   */
  failed: (RetryingOutcome | (FinalFailure & { readonly status: 'failed' })) & OfIntegration;
  /** The last attempt failed. */
  dead_letter: FinalFailure & { readonly status: 'dead_letter' } & OfIntegration;
}

/** The stored outcomes of each kind. */
export const STATUSES: Readonly<Record<keyof OutcomeKinds, readonly AttemptOutcome['status'][]>> = {
  processed: ['processed'],
  skipped: ['skipped'],
  postponed: ['postponed'],
  failed: ['retrying', 'failed'],
  dead_letter: ['dead_letter'],
};

/** The key is the same in every copy of the package. */
const LISTENER_METADATA = Symbol.for('nestjs-integration:listener:1');

/**
 * Makes a provider's method receive the outcomes of the handlers of this process, for the application's own
 * alerts and metrics. The method is called after the outcome is saved, and delivery does not wait for it. An
 * error that it throws is logged once. If the process ends between the save and the call, the method is not
 * called. In an application with several integrations it hears of all of them.
 *
 * ```ts
 * @OnIntegrationEvent('dead_letter')
 * async alert({ consumerName, eventName, error }: OutcomeKinds['dead_letter']) { … }
 * ```
 */
export function OnIntegrationEvent<const K extends keyof OutcomeKinds>(
  ...kinds: [K, ...K[]]
): <Method extends (outcome: OutcomeKinds[K]) => unknown>(
  target: object,
  methodName: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void {
  for (const kind of kinds) if (!Object.hasOwn(STATUSES, kind)) throw unknownKind(kind);
  return (target, methodName, descriptor) => {
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function' || typeof target === 'function') throw noListener(target, methodName);
    Reflect.defineMetadata(LISTENER_METADATA, [...new Set([...kindsOf(method), ...kinds])], method);
    decoratedClasses().noteClass(target, methodName);
  };
}

/** The kinds that `@OnIntegrationEvent` stored on a method. Empty for any other value. */
export function kindsOf(method: unknown): readonly (keyof OutcomeKinds)[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(LISTENER_METADATA, method) as (keyof OutcomeKinds)[] | undefined) ?? [];
}

function unknownKind(kind: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `@OnIntegrationEvent does not know ${JSON.stringify(kind)}: give ${Object.keys(STATUSES).join(', ')}. The handler of an event is a method with @IntegrationSubscriber`,
  );
}

function noListener(target: object, name: string | symbol): IntegrationError {
  const type = typeof target === 'function' ? target : target.constructor;
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `@OnIntegrationEvent cannot have ${type.name}.${String(name)} told of outcomes: it must be a method of a provider, and not static, a property or an accessor`,
  );
}
