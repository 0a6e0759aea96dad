import type { INestApplicationContext, Type } from '@nestjs/common';
import { engineOf } from '../module/engine-of.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';

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
  return engineOf(app, place, integration).get(service);
}
