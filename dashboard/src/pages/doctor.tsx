import type { Examination } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Loaded } from '../parts/loading.tsx';
import { counted } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { RemedyButton, remedyOf } from './remedy.tsx';

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
          <RemedyButton remedy={remedy} about={fix} onDone={reload} />
        </div>
      )}
    </Panel>
  );
}
