import { randomBytes } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import { HANDLERS } from '../../src/admin/handlers/handlers.js';
import { AdminSections } from '../../src/admin/routes/admin-sections.js';
import type { Route } from '../../src/admin/routes/route.js';
import { EXTENSIONS } from '../../src/bin/extensions.js';
import { CallsModule } from '../../src/calls/index.js';
import { ContractsModule } from '../../src/contracts/index.js';
import { RelaysModule } from '../../src/relay/index.js';
import { SagasModule } from '../../src/sagas/index.js';
import { SchedulesModule } from '../../src/schedules/index.js';
import { SecretsModule, staticKeys } from '../../src/secrets/index.js';
import { githubSource, WebhooksModule } from '../../src/webhooks/index.js';

/** The sections of the engine and of all parts, as the OpenAPI document of the package has them. */
export async function everySection(): Promise<AdminSections> {
  const sections = new AdminSections(HANDLERS);
  for (const { name, admin } of EXTENSIONS) if (admin !== undefined) sections.add(name, await admin());
  return sections;
}

/** Every route of the admin API, with those of parts. */
export async function everyRoute(): Promise<readonly Route[]> {
  return (await everySection()).routes;
}

const EARLIER = randomBytes(32);

/** The keys that the application had before it got its present ones. */
export const EARLIER_KEYS = staticKeys({ earlier: EARLIER });

/** The modules of all parts that have sections, for an application that has every route. */
export function partModules(): DynamicModule[] {
  return [
    SecretsModule.forRoot({ keys: staticKeys({ present: randomBytes(32), earlier: EARLIER }) }),
    ContractsModule.forRoot(),
    RelaysModule.forRoot({}),
    SagasModule.forRoot(),
    CallsModule.forRoot(),
    SchedulesModule.forRoot(),
    WebhooksModule.forRoot({ incoming: { sources: [githubSource({ secrets: 'endpoint' })] }, outgoing: {} }),
  ];
}
