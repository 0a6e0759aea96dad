import type { NestApplicationOptions } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** The application of this process, with the admin API where the demo serves it. */
export async function demoApplication(options: NestApplicationOptions): Promise<NestExpressApplication> {
  // Not before now: the module reads the environment when it is loaded.
  const { createApplication } = await import('../application.js');
  if (process.env.DEMO_SERVES === undefined) return createApplication(options);
  const { ServedModule } = await import('./serve/served.module.js');
  return createApplication(options, ServedModule);
}
