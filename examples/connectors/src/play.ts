import type { INestApplication } from '@nestjs/common';
import { ConnectionsService, ConnectorsService } from 'nestjs-integration/connectors';
import type { FakeProvider } from 'nestjs-integration/testing';
import { PrintedPages } from './app.module.js';

const TENANT = 'acme';
/** Tokens of the HRIS are over soon, so that the play need not wait. */
export const TOKEN_SECONDS = 3;
const WITHIN_MS = 20_000;

export interface Providers {
  readonly github: FakeProvider;
  readonly hris: FakeProvider;
  readonly printing: FakeProvider;
}

/** Connects to three systems, uses them, and ends it. Resolves to whether all of it held. */
export async function play(
  app: INestApplication,
  providers: Providers,
  redirectUrl: string,
): Promise<boolean> {
  const connections = app.get(ConnectionsService);
  const tenant = connections.forTenant(TENANT);
  const connectors = app.get(ConnectorsService);
  const checks: boolean[] = [];
  const check = (what: string, holds: boolean) => {
    console.log(`  ${holds ? '✓' : '✗'} ${what}`);
    checks.push(holds);
  };

  console.log('\nGitHub, by a token');
  const config = { repo: 'acme/shop' };
  const github = await tenant.create({
    connector: 'github',
    name: 'Code',
    config,
    secrets: { token: 'pat' },
  });
  await tenant.enable(github.id);
  const { health } = await tenant.test(github.id);
  check(`the health check finds it ${health}`, health === 'healthy');
  const issues = await connectors.run<unknown[]>(
    'github',
    'issues.list',
    {},
    {
      connectionId: github.id,
      tenantId: TENANT,
    },
  );
  check(`the action issues.list brings ${issues.length} issues`, issues.length === 2);

  console.log('\nHRIS, by OAuth 2');
  const hris = await tenant.create({ connector: 'hris', name: 'People' });
  const { url } = await tenant.authorize(hris.id, { redirectUrl });
  await connections.completeAuthorization(providers.hris.approve(url), { tenantId: TENANT });
  await tenant.enable(hris.id);
  await new Promise((over) => setTimeout(over, TOKEN_SECONDS * 1_000 + 100));
  let heard = 0;
  const employees = await Promise.all(
    Array.from({ length: 20 }, () =>
      connectors.run<unknown[]>(
        'hris',
        'employees.list',
        {},
        {
          connectionId: hris.id,
          tenantId: TENANT,
          onProgress: ({ done }) => {
            heard = done;
          },
        },
      ),
    ),
  );
  check(
    `20 actions at once with a token that is over: ${employees.length} answers of ${heard} employees`,
    employees.every((each) => each.length === 3) && heard === 3,
  );
  const { rotations, revokedGrants } = providers.hris;
  check(
    `the token was refreshed ${rotations} time, and no grant was revoked`,
    rotations === 1 && revokedGrants === 0,
  );

  console.log('\nA printing partner, which calls back');
  providers.printing.next('/webhooks').resets();
  const printing = await tenant.create({ connector: 'printing', name: 'Paper', secrets: { token: 'print' } });
  await tenant.enable(printing.id);
  await until(async () => (await tenant.get(printing.id)).webhooks[0]?.subscription === 'subscribed');
  const { length } = providers.printing.subscriptions;
  check(`it was asked to deliver, lost its first answer, and has ${length} subscription`, length === 1);
  const statuses = await providers.printing.deliver('job.done', { id: 'job-1', pages: 12 });
  check(`its delivery is answered ${statuses.join()}`, statuses.join() === '200');
  const { pages } = app.get(PrintedPages);
  await until(async () => pages.has('job-1'));
  check(`another module hears that ${pages.get('job-1')} pages were printed`, pages.get('job-1') === 12);

  console.log('\nThe end');
  for (const { id } of [github, hris, printing]) await tenant.revoke(id);
  check('the HRIS was told that the grant is over', providers.hris.revokedGrants === 1);
  check('the printing partner delivers no more', providers.printing.subscriptions.length === 0);
  return checks.every(Boolean);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WITHIN_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`It did not hold within ${WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
