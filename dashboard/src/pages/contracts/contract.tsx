import type { ContractWithSchemas } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { JsonView } from '../../parts/json-view.tsx';
import { LoadedPage } from '../../parts/loading.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Code, Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { ComparedMark, StateMark, WhyNotCompared } from './contract-marks.tsx';

/** One event: each version of its contract, the newest first. */
export function ContractPage({ place }: { place: Place }) {
  const name = place.path[1] ?? '';
  const reading = useRead('GET contracts/{name}', { path: { name } });
  const above = <a href={to(['contracts'])}>Contracts</a>;
  return (
    <LoadedPage from={reading} title="Contract" above={above}>
      {({ versions }) => (
        <Page
          title={name}
          above={above}
          about={<a href={to(['events'], { eventName: name })}>See the events of this name</a>}
        >
          {[...versions].reverse().map((version) => (
            <One key={version.version} of={version} />
          ))}
        </Page>
      )}
    </LoadedPage>
  );
}

function One({ of }: { of: ContractWithSchemas['versions'][number] }) {
  const { version, visibility, description, registeredAt, retiredAt, hash, schema } = of;
  return (
    <Panel
      title={`Version ${version}`}
      about={description === null ? undefined : <Foreign>{description}</Foreign>}
      acts={
        <>
          <StateMark version={of} /> <ComparedMark version={of} />
        </>
      }
    >
      <Facts>
        {[
          ['Visibility', visibility],
          ['Registered', <Time at={registeredAt} key="registered" />],
          retiredAt === null ? undefined : ['Retired', <Time at={retiredAt} key="retired" />],
          ['Hash', hash === null ? 'none' : <Code key="hash">{hash}</Code>],
        ]}
      </Facts>
      <WhyNotCompared version={of} />
      {schema !== null && (
        <JsonView json={JSON.stringify(schema)} label={`JSON Schema of version ${version}`} />
      )}
    </Panel>
  );
}
