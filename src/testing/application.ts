import type { INestApplicationContext } from '@nestjs/common';

/** An initialised Nest application, application context or testing module with IntegrationModule. */
export type TestedApplication = Pick<INestApplicationContext, 'get'>;
