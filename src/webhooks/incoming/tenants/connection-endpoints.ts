import { Inject, Injectable } from '@nestjs/common';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { IntegrationError } from '../../../errors.js';
import { MountedRoutes } from '../../../http/mounted-routes.js';
import type {
  BroughtSource,
  ConnectionEndpoints,
  ConnectionOfEndpoint,
  EndpointOfConnection,
  NewEndpointOfConnection,
} from '../../../module/connection-endpoints.js';
import type { AddSecret } from '../../../secrets/sealing-transaction.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import type { WebhookSource } from '../definitions/webhook-source.js';
import { newEndpointId } from '../endpoints/endpoint-id.js';
import { newSecretFor } from '../endpoints/endpoint-secret.js';
import type { EndpointRow } from '../endpoints/incoming-endpoint.js';
import { IncomingEndpointStore, secretOf } from '../endpoints/incoming-endpoint.store.js';
import { IncomingEngine } from '../incoming-engine.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { addressOf } from './address-of.js';

/** The endpoints of connections. They are ordinary endpoints that are made and removed with a connection. */
@Injectable()
export class EndpointsOfConnections implements ConnectionEndpoints {
  constructor(
    private readonly engine: IncomingEngine,
    private readonly webhooks: IncomingWebhookService,
    private readonly routes: MountedRoutes,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {}

  async take(sources: readonly BroughtSource[]): Promise<string[]> {
    const problems: string[] = [];
    for (const { source, place, needsUrl } of sources) {
      const { key, verify } = source as WebhookSource;
      const signsUrl = verify.some((scheme) => scheme?.signsUrl === true);
      const reasons = [
        ...(needsUrl ? ['subscribes at the other system'] : []),
        ...(signsUrl ? ['has a sender that signs the URL that it calls'] : []),
      ];
      if (reasons.length > 0 && this.options.publicUrl === undefined)
        problems.push(
          `${place}: its webhook ${reasons.join(' and ')}: give publicUrl to WebhooksModule, so that the URL of its endpoints is known`,
        );
      const known = this.webhooks.find(key);
      if (known !== undefined && known !== source)
        problems.push(
          `${place}: the application has another source of the name ${JSON.stringify(key)}: give one of them another key`,
        );
      else await this.prepared(source as WebhookSource, place, problems);
    }
    return problems;
  }

  async add(
    session: EngineSession,
    addSecret: AddSecret,
    { tenantId, connectionId, source }: ConnectionOfEndpoint & { readonly source: string },
  ): Promise<NewEndpointOfConnection> {
    const id = newEndpointId();
    const secret = newSecretFor(this.webhooks.source(source)) ?? null;
    const row = { id, tenantId, source, externalId: null, connectionId, status: 'paused' } as const;
    const added = await this.store.add(session, row);
    if (secret !== null) await addSecret(secretOf(added), secret, 0);
    return { ...this.shown(added), secret };
  }

  async list(
    { tenantId, connectionId }: ConnectionOfEndpoint,
    session?: EngineSession,
  ): Promise<EndpointOfConnection[]> {
    const rows = await this.store.ofConnection(session ?? this.engine.admin, tenantId, connectionId);
    return rows.map((row) => this.shown(row));
  }

  async setStatus(
    session: EngineSession,
    { tenantId, connectionId }: ConnectionOfEndpoint,
    status: 'active' | 'paused',
  ): Promise<void> {
    await this.store.setStatusOf(session, tenantId, connectionId, status);
  }

  async remove(session: EngineSession, { tenantId, connectionId }: ConnectionOfEndpoint): Promise<void> {
    for (const row of await this.store.removeOf(session, tenantId, connectionId))
      await this.engine.secrets.secrets.remove(secretOf(row), session);
  }

  async secretOf(tenantId: string, endpointId: string): Promise<string | undefined> {
    const [latest] = await this.engine.secretService.open(secretOf({ id: endpointId, tenantId }));
    return latest?.value;
  }

  /** What a source refuses at the boot is a problem of the connector that brings it. */
  private async prepared(source: WebhookSource, place: string, problems: string[]): Promise<void> {
    try {
      await this.webhooks.take(source);
    } catch (error) {
      if (!(error instanceof IntegrationError)) throw error;
      problems.push(`${place}: ${error.message}`);
    }
  }

  private shown(row: EndpointRow): EndpointOfConnection {
    const { id, source, status } = row;
    return { id, source, status, ...addressOf(row, this.routes, this.options) };
  }

  private get store(): IncomingEndpointStore {
    return new IncomingEndpointStore(this.engine.admin);
  }
}
