import 'reflect-metadata';
import { ConfigService } from '@nestjs/config';
import { createApplication } from './application.js';
import type { Environment } from './config/environment.js';

const app = await createApplication();
// A SIGTERM lets running handlers finish and gives the leases back, so that another process goes on at once.
app.enableShutdownHooks();
const config = app.get<ConfigService<Environment, true>>(ConfigService);
await app.listen(config.get('PORT', { infer: true }));
