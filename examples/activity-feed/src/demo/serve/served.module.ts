import { Module } from '@nestjs/common';
import { IntegrationAdminModule } from 'nestjs-integration/admin';
import { AppModule } from '../../app.module.js';
import { ArchiveSubscriber } from './archive.subscriber.js';
import { LoopbackGuard } from './loopback.guard.js';
import { SearchSubscriber } from './search.subscriber.js';

/** Where the admin API is. */
export const ADMIN_PATH = 'ops/integration';

/** The application with its admin API, and two more consumers that have troubles of their own. */
@Module({
  imports: [
    AppModule,
    IntegrationAdminModule.forRoot({
      path: ADMIN_PATH,
      // Everybody on this machine. An application of yours has its own guard, and names the person.
      guards: [new LoopbackGuard()],
      actor: () => 'demo visitor',
    }),
  ],
  providers: [SearchSubscriber, ArchiveSubscriber],
})
export class ServedModule {}
