import { type Logger, Logger as NestLogger } from '@nestjs/common';
import { AbortGroups } from '../http/abort-groups.js';
import type { OutgoingHttp } from '../http/outgoing-http.js';
import { withinTime } from '../http/within-time.js';
import type { StoredCall } from './call.store.js';
import { CallHttp } from './call-http.js';
import type { CallMetrics } from './call-metrics.js';
import type { CallContext, CallOf, CallType } from './call-type.js';
import { heardFrom, unfitting } from './call-updates.js';
import type { Heard } from './heard.js';

export type MethodName = 'start' | 'find' | 'poll' | 'cancel';

/** What a method has said, or what it threw. */
export type Said =
  | { readonly is: 'heard'; readonly heard: Heard }
  | { readonly is: 'never-started' }
  | { readonly is: 'nothing' }
  | { readonly is: 'thrown'; readonly error: unknown };

/** The time of a method was over. The other system may have taken the call. */
export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError';
}

/** Calls the methods of one type, each with its time. */
export class CallMethods {
  private readonly logger: Logger;
  private readonly groups = new AbortGroups();

  constructor(
    private readonly type: CallType,
    private readonly http: OutgoingHttp,
    private readonly metrics: CallMetrics,
  ) {
    this.logger = new NestLogger(type.place);
  }

  has(method: MethodName): boolean {
    return typeof this.type.handler[method] === 'function';
  }

  /** It never rejects. What a method that does not heed its signal says later is dropped. */
  async ask(method: MethodName, call: StoredCall, signal: AbortSignal): Promise<Said> {
    const { timeoutMs } = this.type;
    const startedAt = performance.now();
    try {
      const answer = await withinTime((until) => this.call(method, call, until, startedAt + timeoutMs), {
        timeoutMs,
        late: () =>
          new CallTimeoutError(`${this.type.type}: ${method} has not answered within ${timeoutMs} ms`),
        outer: signal,
        groups: this.groups,
      });
      const said = await this.saidBy(method, answer);
      this.told(method, 'success', startedAt);
      return said;
    } catch (error) {
      this.told(method, 'failure', startedAt);
      return { is: 'thrown', error };
    }
  }

  private async call(
    method: MethodName,
    call: StoredCall,
    signal: AbortSignal,
    endsAt: number,
  ): Promise<unknown> {
    const context: CallContext = {
      signal,
      attempt: call.attempt,
      idempotencyKey: call.id,
      logger: this.logger,
      http: new CallHttp(this.http, signal, endsAt),
    };
    const { handler } = this.type;
    const run = handler[method] as ((given: CallOf, context: CallContext) => Promise<unknown>) | undefined;
    return run?.call(handler, viewOf(call), context);
  }

  private async saidBy(method: MethodName, answer: unknown): Promise<Said> {
    if (method === 'find' && answer === 'never-started') return { is: 'never-started' };
    if (method === 'cancel' && answer === undefined) return { is: 'nothing' };
    const of = `the answer of ${this.type.place}.${method}`;
    return { is: 'heard', heard: await heardFrom(answer, this.type.result, of).catch(unfitting) };
  }

  private told(method: MethodName, outcome: 'success' | 'failure', startedAt: number): void {
    this.metrics.attempted(this.type.type, method, outcome, performance.now() - startedAt);
  }
}

function viewOf({
  id,
  type,
  request,
  externalId,
  tenantId,
  group,
  subjectType,
  subjectId,
}: StoredCall): CallOf {
  const subject = subjectType === null || subjectId === null ? null : { type: subjectType, id: subjectId };
  return { id, type, request, externalId, tenantId, group, subject };
}
