import { problemOf } from '../problems/problem-of.js';

/**
 * `mask` has failed, or has returned what JSON cannot hold. The message of its error may hold a part of the
 * payload, so only the kind of the error and the lines of code are kept.
 */
export class MaskFailure extends Error {
  override readonly name = 'MaskFailure';

  constructor(outboxEventId: string, error: unknown) {
    super(
      `The option mask failed for the payload of event ${outboxEventId} with ${kindOf(error)}. Its message is left out, because it may hold what is masked`,
    );
    this.stack = [`${this.name}: ${this.message}`, ...framesOf(error)].join('\n');
  }
}

/** Refusals that are meant for the person who asks, and failures of the database, stay what they are. */
export function asMaskFailure(outboxEventId: string, error: unknown): unknown {
  return problemOf(error).isUnexpected ? new MaskFailure(outboxEventId, error) : error;
}

function kindOf(error: unknown): string {
  return error instanceof Error ? `an error of the kind ${error.constructor.name}` : `a ${typeof error}`;
}

function framesOf(error: unknown): string[] {
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  return typeof stack === 'string'
    ? stack.split('\n').filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line))
    : [];
}
