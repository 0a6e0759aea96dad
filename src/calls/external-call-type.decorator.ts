import 'reflect-metadata';
import type { ExternalCallTypeOptions } from './call-type.js';

const CALL_TYPE = Symbol.for('nestjs-integration:external-call-type:1');

/**
 * Makes a provider's class a type of calls to another system.
 *
 * ```ts
 * @ExternalCallType({ type: 'tts', request: TtsRequest, result: TtsResult, unknownOutcome: 'retry' })
 * class TtsCalls implements ExternalCallHandler<TtsRequest, TtsResult> {
 *   async start(call: CallOf<TtsRequest>, { http, idempotencyKey }: CallContext) { … }
 * }
 * ```
 */
export function ExternalCallType(options: ExternalCallTypeOptions): ClassDecorator {
  return (target) => Reflect.defineMetadata(CALL_TYPE, options, target);
}

/** What `@ExternalCallType` says about a class. */
export function callTypeOf(type: unknown): ExternalCallTypeOptions | undefined {
  return typeof type === 'function'
    ? (Reflect.getOwnMetadata(CALL_TYPE, type) as ExternalCallTypeOptions | undefined)
    : undefined;
}
