import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Environment } from '../config/environment.js';
import { PrismaClient } from '../generated/prisma/client.js';

@Injectable()
export class PrismaService extends PrismaClient implements OnApplicationShutdown {
  constructor(config: ConfigService<Environment, true>) {
    // The pool is shared by HTTP requests and transactional handlers, which hold a connection each while they run.
    // A burst waits its turn for one, rather than fail.
    super({
      adapter: new PrismaPg({ connectionString: config.get('DATABASE_URL'), max: 20 }),
      transactionOptions: { maxWait: 10_000, timeout: 15_000 },
    });
  }

  /** The last of the shutdown hooks: by then every handler has finished with this client. */
  async onApplicationShutdown(): Promise<void> {
    await this.$disconnect();
  }
}
