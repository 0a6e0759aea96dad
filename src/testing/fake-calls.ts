import type { ResultOf } from '../calls/call-events.js';
import type { CallOf, ExternalCallHandler } from '../calls/call-type.js';
import type { CallUpdate } from '../calls/external-call.js';
import type { CallClass, RequestOf } from '../module/call-maker.js';
import type { TestedApplication } from './application.js';

/** What a fake answers to `start`: an update, an error that it throws, or a function that decides. */
export type FakeCallAnswer<Request, Result> =
  | CallUpdate<Result>
  | Error
  | ((call: CallOf<Request>) => CallUpdate<Result> | Promise<CallUpdate<Result>>);

/** A type of calls that answers as a test says. */
export interface FakeCalls<Request, Result> extends ExternalCallHandler<Request, Result> {
  /** The calls that were started, in their order. */
  readonly started: readonly CallOf<Request>[];
  /** The external ids of the calls that were cancelled. */
  readonly canceled: readonly string[];
  /** What `start` answers from now on. */
  answerWith(answer: FakeCallAnswer<Request, Result>): void;
}

/**
 * Stands in for a type of calls, so that a test needs no other system:
 *
 * ```ts
 * const tts = fakeCalls(TtsCalls);
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(TtsCalls).useValue(tts)
 * ```
 *
 * At first it takes every call, under the external id `fake-<id of the call>`, and says no more. The test
 * then reports what came of it (`ExternalCallsService.report`), or sets another answer.
 */
export function fakeCalls<Class extends CallClass>(
  _type: Class,
  first: FakeCallAnswer<RequestOf<Class>, ResultOf<Class>> = ({ id }) => ({
    phase: 'processing',
    externalId: `fake-${id}`,
  }),
): FakeCalls<RequestOf<Class>, ResultOf<Class>> {
  let answer = first;
  const started: CallOf<RequestOf<Class>>[] = [];
  const canceled: string[] = [];
  return {
    started,
    canceled,
    answerWith(next) {
      answer = next;
    },
    async start(call) {
      started.push(call);
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function' ? answer(call) : answer;
    },
    async poll() {
      return { phase: 'processing' };
    },
    async find() {
      return 'never-started';
    },
    async cancel({ externalId }) {
      canceled.push(externalId);
    },
  };
}

export interface RunCallsOptions {
  /** How long it may take, in milliseconds. Default: 10,000. */
  timeoutMs?: number;
  /** Ends every call that is left as if its deadline had passed. Default: false. */
  passDeadlines?: boolean;
}

/**
 * Starts and asks for every call of the application under test that is due, now or later, without waiting for
 * its time. Returns how many calls were run. Their events are then in the log, for `publishAndDrain` and for
 * whatever handles events in the test.
 *
 * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if this takes too long, or another process has the lanes
 */
export async function runCalls(
  app: TestedApplication,
  { timeoutMs, passDeadlines = false }: RunCallsOptions = {},
): Promise<number> {
  // An application without calls loads nothing of them.
  const { CallsStart } = await import('../calls/calls-start.js');
  const calls = app.get(CallsStart, { strict: false });
  const count = await calls.runAll({ timeoutMs });
  if (passDeadlines) await calls.passDeadlines();
  return count;
}
