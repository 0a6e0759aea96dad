import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DEFAULT_ENGINE } from '../database/engine-name.js';
import { tokenOf } from '../module/engine-tokens.js';
import { engineModules } from '../module/engines.js';
import { unknownEngine } from '../subscribers/engine-names.js';

/** An initialised Nest application, application context or testing module with IntegrationModule. */
export type TestedApplication = Pick<INestApplicationContext, 'get'>;

/** Which integration of the application is meant. */
export interface OfIntegration {
  /** Its name. Default: the one without a name. */
  integration?: string | undefined;
}

/** @throws IntegrationError INTEGRATION_NAME_UNKNOWN. `place` is the function that was called. */
export function serviceOf<T>(
  app: TestedApplication,
  place: string,
  service: Type<T>,
  { integration = DEFAULT_ENGINE }: OfIntegration,
): T {
  const names = engineModules(app.get(ModulesContainer, { strict: false })).map(({ name }) => name);
  if (names.length > 0 && !names.includes(integration)) throw unknownEngine(place, integration, names);
  return app.get<T>(tokenOf(service, integration), { strict: false });
}
