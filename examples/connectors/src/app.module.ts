import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { type DomainEvent, IntegrationModule, IntegrationSubscriber } from 'nestjs-integration';
import { ConnectorsModule, type ConnectorsModuleOptions } from 'nestjs-integration/connectors';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { WebhooksModule } from 'nestjs-integration/webhooks';
import { GitHubConnector } from './github.connector.js';
import { HrisConnector } from './hris.connector.js';
import { PrintingConnector } from './printing.connector.js';

/** Another module, which knows of no printer: it hears of what was printed. */
@Injectable()
export class PrintedPages {
  readonly pages = new Map<string, number>();

  @IntegrationSubscriber('print.done', { consumerName: 'billing.pages' })
  onPrinted({ aggregateId, payload }: DomainEvent<{ pages: number }>): void {
    this.pages.set(aggregateId, payload.pages);
  }
}

export interface AppOptions {
  readonly databaseUrl: string;
  readonly publicUrl: string;
  /** 32 bytes. */
  readonly key: Buffer;
  readonly network?: ConnectorsModuleOptions['network'];
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class AppModule {
  static with({ databaseUrl, publicUrl, key, network }: AppOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        // For an example. An application that is deployed runs the command `migrate`.
        IntegrationModule.forRoot({ connectionString: databaseUrl, migrations: 'run' }),
        SecretsModule.forRoot({ keys: staticKeys({ k1: key }) }),
        WebhooksModule.forRoot({ incoming: { sources: [] }, publicUrl }),
        ConnectorsModule.forRoot({ network, redirectUrls: [`${publicUrl}/callback`] }),
      ],
      providers: [GitHubConnector, HrisConnector, PrintingConnector, PrintedPages],
    };
  }
}
