import type { ConsumerDelivery, EventHistory, ExplainedEvent } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Folded } from '../parts/folded.tsx';
import { groupHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { duration } from '../parts/number.ts';
import { ScrolledText } from '../parts/scrolled-text.tsx';
import { Code, Foreign, visible } from '../parts/text.tsx';
import { clockWithMs, Time } from '../parts/time.tsx';
import { to } from '../router/router.ts';
import { AttemptLine } from './attempt-line.tsx';
import { CompareAttempts } from './compare-attempts.tsx';

const DECIDED = { redrive: 'Sent again', discard: 'Discarded', replay: 'Replayed' } as const;

type FailedAttempt = EventHistory['attempts'][number];

/** The attempts that failed, those that are alike as one, and what an admin decided. */
export function Attempts({
  event,
  delivery,
  history: { attempts, folds, resolution, operationId },
}: {
  event: ExplainedEvent;
  delivery: ConsumerDelivery;
  history: EventHistory;
}) {
  if (attempts.length === 0 && resolution === null) return null;
  const id = event.outboxEventId;
  const consumer = delivery.consumerName;
  const list = (some: readonly FailedAttempt[]) =>
    some.map((attempt) => (
      <li key={`${attempt.attempt} ${attempt.at}`}>
        <OneAttempt id={id} consumer={consumer} attempt={attempt} place={attempts.indexOf(attempt)} />
      </li>
    ));
  return (
    <>
      <AttemptLine event={event} delivery={delivery} attempts={attempts} resolution={resolution} />
      <ol class="attempts">
        {folds.map(({ first, last, sentence }) => {
          const alike = attempts.slice(first - 1, last);
          if (alike.length === 1) return list(alike);
          return (
            <li key={`from ${first}`}>
              <Folded summary={`${sentence}: ${visible((alike[0]?.error ?? '').slice(0, 140))}`}>
                {() => <ol>{list(alike)}</ol>}
              </Folded>
            </li>
          );
        })}
      </ol>
      {attempts.length > 1 && <CompareAttempts id={id} consumer={consumer} attempts={attempts} />}
      {resolution !== null && (
        <p class="resolution">
          {DECIDED[resolution.action]} by <Foreign>{resolution.by}</Foreign>, <Time at={resolution.at} />
          {resolution.reason !== null && (
            <>
              : <Foreign>{resolution.reason}</Foreign>
            </>
          )}
          . {operationId !== null && <a href={to(['operations', operationId])}>See the operation</a>}
        </p>
      )}
    </>
  );
}

function OneAttempt({
  id,
  consumer,
  attempt: { attempt, at, ms, process, host, pid, error, stack, fingerprint, linesSentence },
  place,
}: {
  id: string;
  consumer: string;
  attempt: FailedAttempt;
  place: number;
}) {
  const denial = useDenial('payloads.read');
  return (
    <details>
      <summary>
        Attempt {attempt}, <Time at={at} />
        {ms !== null && `, ran ${duration(ms / 1_000)}`}: <Foreign most={140}>{error}</Foreign>
      </summary>
      <div class="attempt">
        {process !== null && (
          <p class="muted small">
            In process{' '}
            <Foreign>{`${host ?? 'of an unknown host'}${pid === null ? '' : `, pid ${pid}`}`}</Foreign>. Kind{' '}
            <a href={groupHref(consumer, fingerprint)}>
              <Code>{fingerprint}</Code>
            </a>
          </p>
        )}
        {/* A stack is kept for itself, and may end before the words of its error do. */}
        <ScrolledText label={`Error of attempt ${attempt}`}>
          {stack === null || stack.includes(error) ? (stack ?? error) : `${error}\n\n${stack}`}
        </ScrolledText>
        {linesSentence !== null &&
          (denial === undefined ? (
            <Folded summary={linesSentence}>
              {() => <Lines id={id} consumer={consumer} attempt={attempt} place={place} />}
            </Folded>
          ) : (
            <p class="muted">
              {linesSentence}. {denial}
            </p>
          ))}
      </div>
    </details>
  );
}

/** They are read when somebody wants them: they may say what the payload says. */
function Lines({
  id,
  consumer,
  attempt,
  place,
}: {
  id: string;
  consumer: string;
  attempt: number;
  place: number;
}) {
  const reading = useRead('GET events/{id}/lines', { path: { id }, query: { consumer } }, { isLive: false });
  return (
    <Loaded from={reading}>
      {({ attempts }) => (
        <ScrolledText label={`Lines of attempt ${attempt}`}>
          {(attempts[place]?.lines ?? [])
            .map(({ at, level, text }) => `${clockWithMs(at)} ${level.padEnd(7)} ${text}`)
            .join('\n')}
        </ScrolledText>
      )}
    </Loaded>
  );
}
