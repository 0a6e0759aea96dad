import { useState } from 'preact/hooks';
import type { Action } from '../api/action.ts';
import { type Args, call, type RouteName } from '../api/client.ts';
import type { Examination } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { consumerHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { counted } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

type Finding = Examination['findings'][number];

const SEVERITIES = [
  ['', 'any'],
  ['critical', 'critical'],
  ['warning', 'warning'],
  ['info', 'info'],
] as const;

/** What is wrong with the database and the processes, what it leads to, and what to do. */
export function DoctorPage({ place }: { place: Place }) {
  const reading = useRead('GET doctor', {}, { isLive: false });
  const severity = place.query.get('severity');
  const isShown = (finding: Finding) => severity === null || finding.severity === severity;
  return (
    <Page
      title="Doctor"
      about={
        reading.data === undefined ? (
          'Examining. It changes nothing.'
        ) : (
          <>
            Examined <Time at={reading.data.at} />, schema <Foreign>{reading.data.schema}</Foreign>. It
            changes nothing.
          </>
        )
      }
      acts={
        <button type="button" onClick={reading.reload} aria-disabled={reading.isLoading}>
          {reading.isLoading ? 'Examining…' : 'Examine again'}
        </button>
      }
    >
      <Filter place={place} fields={[{ name: 'severity', label: 'Severity', options: SEVERITIES }]} />
      <Loaded from={reading}>
        {({ findings, checked, notChecked }) => (
          <>
            {findings.length === 0 ? (
              <Empty title="Nothing is wrong.">{counted(checked.length, 'check')} found nothing.</Empty>
            ) : !findings.some(isShown) ? (
              <Empty title="No finding matches the filter.">
                <a href={to(['doctor'])}>Clear the filter</a> to see all {findings.length}.
              </Empty>
            ) : (
              findings
                .filter(isShown)
                .map((finding) => <One key={finding.key} finding={finding} reload={reading.reload} />)
            )}
            {notChecked.length > 0 && (
              <Panel title="What could not be checked">
                <ul class="plain-list">
                  {notChecked.map(({ check, reason }) => (
                    <li key={check}>
                      <b>{check}</b>: <Foreign>{reason}</Foreign>
                    </li>
                  ))}
                </ul>
              </Panel>
            )}
            <p class="muted small">Checked: {checked.join(', ')}.</p>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function One({ finding, reload }: { finding: Finding; reload: () => void }) {
  const [isAsked, setIsAsked] = useState(false);
  const { check, severity, since, finding: found, meaning, fix, action } = finding;
  const remedy = remedyOf(action);
  return (
    <Panel
      title={check}
      acts={
        <>
          {since !== null && (
            <span class="muted small">
              since <Time at={since} />
            </span>
          )}
          <Status of={severity} />
        </>
      }
    >
      <dl class="finding">
        <dt>What was found</dt>
        <dd>
          <Foreign>{found}</Foreign>
        </dd>
        <dt>Effect</dt>
        <dd>
          <Foreign>{meaning}</Foreign>
        </dd>
        <dt>What to do</dt>
        <dd>
          <Foreign>{fix}</Foreign>
          {remedy?.kind === 'link' && (
            <>
              {' '}
              <a href={remedy.href}>{remedy.says}</a>
            </>
          )}
        </dd>
      </dl>
      {remedy?.kind === 'call' && (
        <div class="body">
          <Act needs={remedy.needs} kind="primary" onAct={() => setIsAsked(true)}>
            {remedy.says}
          </Act>
        </div>
      )}
      {remedy?.kind === 'call' && isAsked && (
        <Confirm
          title={`${remedy.says}?`}
          act={remedy.says}
          command={remedy.command}
          onAct={remedy.run}
          onClose={() => {
            setIsAsked(false);
            reload();
          }}
        >
          <p class="muted">
            <Foreign>{fix}</Foreign>
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

type Remedy =
  | {
      readonly kind: 'call';
      readonly says: string;
      readonly needs: Action;
      readonly command: (reason: string | undefined) => string;
      readonly run: (reason: string | undefined) => Promise<unknown>;
    }
  | { readonly kind: 'link'; readonly says: string; readonly href: string };

const post = <N extends RouteName>(name: N, args: Args<N>) => call(name, args);

/** What this page can do about a finding. Undefined where only a person can. */
function remedyOf(action: Finding['action']): Remedy | undefined {
  if (action === null) return undefined;
  const [first, second] = action.arguments;
  const name = String(first ?? '');
  const because = (reason: string | undefined) => (reason === undefined ? {} : { reason });
  switch (`${action.service}.${action.method}`) {
    case 'ConsumerService.resume':
      return {
        kind: 'call',
        says: `Resume ${name}`,
        needs: 'consumers.resume',
        command: (reason) => commandLine('consumers resume', [name], { reason }),
        run: (reason) => post('POST consumers/{name}/resume', { path: { name }, body: because(reason) }),
      };
    case 'OperationService.cancel':
      return {
        kind: 'call',
        says: 'Cancel the operation',
        needs: 'operations.cancel',
        command: (reason) => commandLine('operations cancel', [name], { reason }),
        run: (reason) => post('POST operations/{id}/cancel', { path: { id: name }, body: because(reason) }),
      };
    case 'ConsumerService.remove':
      return {
        kind: 'call',
        says: `Delete ${name}`,
        needs: 'consumers.remove',
        command: (reason) => commandLine('consumers remove', [name], { reason }),
        run: (reason) => post('DELETE consumers/{name}', { path: { name }, body: because(reason) }),
      };
    case 'ConsumerService.repartition':
      return {
        kind: 'call',
        says: `Give ${name} ${String(second)} partitions`,
        needs: 'consumers.repartition',
        command: (reason) => commandLine('consumers repartition', [name, Number(second)], { reason }),
        run: (reason) =>
          post('POST consumers/{name}/repartition', {
            path: { name },
            body: { partitions: Number(second), ...because(reason) },
          }),
      };
    case 'ConsumerService.redrive':
      return { kind: 'link', says: 'See its dead letters', href: to(['dead-letters'], { consumer: name }) };
    case 'IntegrationSettingsService.reset':
    case 'IntegrationSettingsService.set':
      return { kind: 'link', says: 'Open the setting', href: to(['settings'], { key: name }) };
    default:
      return action.service === 'ConsumerService' && name !== ''
        ? { kind: 'link', says: 'Open the consumer', href: consumerHref(name) }
        : undefined;
  }
}
