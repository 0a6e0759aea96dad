import type { DynamicModule, ModuleMetadata } from '@nestjs/common';
import type { IntegrationModuleOptions } from '../../../src/index.js';
import { RelaysModule, type RelaysModuleOptions } from '../../../src/relay/index.js';
import { type PartApp, startPartApp } from '../../support/part-app.js';
import type { TestDatabase } from '../../support/test-database.js';

export { event } from '../../support/part-app.js';

/** An application with relays. */
export type RelayApp = PartApp;

export function startRelayApp(
  database: TestDatabase,
  relays: RelaysModuleOptions | DynamicModule,
  {
    options = {},
    imports = [],
    ...metadata
  }: ModuleMetadata & { readonly options?: IntegrationModuleOptions } = {},
): Promise<RelayApp> {
  const part = 'module' in relays ? relays : RelaysModule.forRoot(relays);
  return startPartApp(database, options, { ...metadata, imports: [part, ...imports] });
}
