import type { INestApplicationContext } from '@nestjs/common';

/**
 * A Nest application, application context or testing module that has IntegrationModule and is initialised.
 */
export type TestedApplication = Pick<INestApplicationContext, 'get'>;
