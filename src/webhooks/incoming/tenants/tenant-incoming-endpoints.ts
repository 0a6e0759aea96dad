import { AuditStore } from '../../../audit/audit.store.js';
import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../../../audit/change-author.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { IntegrationError } from '../../../errors.js';
import { sealingTransaction } from '../../../secrets/sealing-transaction.js';
import { checkOverlap } from '../../../secrets/secret-checks.js';
import {
  checkChoice,
  checkNames,
  checkText,
  checkUuid,
  invalidArgument,
  pageSizeOf,
} from '../../../words/argument-checks.js';
import { pageOf } from '../../../words/page-of.js';
import { isUuid } from '../../../words/text.js';
import { webhookSettings } from '../../options/webhook-settings.js';
import type { WebhookSource } from '../definitions/webhook-source.js';
import { newEndpointId } from '../endpoints/endpoint-id.js';
import { secretFor } from '../endpoints/endpoint-secret.js';
import type {
  CreateIncomingEndpoint,
  EndpointRow,
  EndpointWithSecret,
  IncomingEndpoint,
  IncomingEndpointDetails,
  IncomingEndpointFilter,
  IncomingEndpointPage,
  IncomingEndpointPageRequest,
  IncomingEndpointStatus,
  RotateIncomingSecret,
} from '../endpoints/incoming-endpoint.js';
import { IncomingEndpointStore, secretOf } from '../endpoints/incoming-endpoint.store.js';
import type { IncomingEngine } from '../incoming-engine.js';
import type { IncomingWebhookService } from '../incoming-webhook.service.js';

const STATUSES: readonly IncomingEndpointStatus[] = ['active', 'paused'];
const LONGEST_EXTERNAL_ID = 255;
const HOUR_MS = 3_600_000;

/**
 * The endpoints of one tenant. Each change is noted in the audit, in its own transaction. Every process
 * follows a change with the next request that it gets, because it reads the endpoint for each request. A
 * request that was verified before the change may still be stored a moment after it.
 */
export class TenantIncomingEndpoints {
  constructor(
    readonly tenantId: string,
    private readonly engine: IncomingEngine,
    private readonly webhooks: IncomingWebhookService,
    private readonly addressOf: (row: EndpointRow) => { path: string; url: string | null },
  ) {}

  /**
   * Adds an endpoint with its secret.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a source whose secrets are not those of endpoints,
   * and for a secret that its source cannot use; INTEGRATION_WEBHOOK_SOURCE_UNKNOWN;
   * INTEGRATION_KEY_MISSING
   */
  async create(given: CreateIncomingEndpoint): Promise<EndpointWithSecret> {
    checkNames('a field of an endpoint', given, ['source', 'externalId', 'secret', ...AUTHOR_FIELDS]);
    const { source: key, externalId = null, secret: givenSecret } = given;
    checkText('externalId', given.externalId, LONGEST_EXTERNAL_ID);
    const author = authorOf(given);
    const secret = secretFor(this.sourceOf(key), givenSecret);
    const id = newEndpointId();
    const row = await this.changing(async (session, add) => {
      const added = await this.store.add(session, {
        id,
        tenantId: this.tenantId,
        source: key,
        externalId,
        connectionId: null,
        status: 'active',
      });
      await add(secretOf(added), secret.value, 0);
      await this.note(session, author, 'create', added, { after: viewOf(added) });
      return added;
    });
    return { endpoint: await this.detailsOf(row), secret: secret.isNew ? secret.value : null };
  }

  /** @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN */
  async get(id: string): Promise<IncomingEndpointDetails> {
    const row = isUuid(id) ? await this.store.find(this.tenantId, id) : undefined;
    return this.detailsOf(row ?? unknownEndpoint(id));
  }

  /**
   * A page of endpoints, in the order in which they were created. Pages lose none and repeat none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(
    filter: IncomingEndpointFilter = {},
    page: IncomingEndpointPageRequest = {},
  ): Promise<IncomingEndpointPage> {
    checkNames('a field of a filter', filter, ['source', 'status']);
    checkNames('an option of a page', page, ['limit', 'after']);
    checkText('source', filter.source);
    if (filter.status !== undefined) checkChoice('status', filter.status, STATUSES);
    checkUuid('after', page.after);
    const limit = pageSizeOf(page.limit);
    const found = await this.store.page(this.tenantId, filter, page.after, limit + 1);
    const { rows, next } = pageOf(found, limit, ({ id }) => id);
    return { endpoints: rows.map((row) => this.withAddress(row)), next };
  }

  /**
   * Gives the endpoint a new secret. The earlier ones stay valid for `overlapMs`, so that the sender has the
   * time to change.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN, and as `create`
   */
  async rotateSecret(id: string, given: RotateIncomingSecret = {}): Promise<EndpointWithSecret> {
    checkNames('an option of rotateSecret', given, ['secret', 'overlapMs', ...AUTHOR_FIELDS]);
    const { secretOverlapHours } = this.engine.settings.snapshotOf(webhookSettings);
    const { overlapMs = secretOverlapHours * HOUR_MS } = given;
    checkOverlap(overlapMs);
    const author = authorOf(given);
    const known = await this.get(id);
    const secret = secretFor(this.sourceOf(known.source), given.secret);
    const row = await this.changing(async (session, add) => {
      const held = await this.held(session, id);
      const version = await add(secretOf(held), secret.value, overlapMs);
      await this.note(session, author, 'rotate-secret', held, { after: { version, overlapMs } });
      return held;
    });
    return { endpoint: await this.detailsOf(row), secret: secret.isNew ? secret.value : null };
  }

  /**
   * From now on deliveries are verified and then answered 503, so that the sender repeats them. Nothing is
   * stored. A sender gives up after hours or days, and some never repeat, so a pause is for minutes.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN
   */
  pause(id: string, author: ChangeAuthor = {}): Promise<IncomingEndpoint> {
    return this.setStatus(id, 'paused', author);
  }

  /** @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN */
  resume(id: string, author: ChangeAuthor = {}): Promise<IncomingEndpoint> {
    return this.setStatus(id, 'active', author);
  }

  /**
   * Removes the endpoint and its secrets for good. Its address answers 404. Receipts and events stay.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN; INTEGRATION_ADMIN_INVALID for one that
   * belongs to a connection
   */
  async remove(id: string, author: ChangeAuthor = {}): Promise<void> {
    checkNames('an option of remove', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    await this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      if (row.connectionId !== null) throw ofConnection(row.connectionId);
      await this.engine.secrets.secrets.remove(secretOf(row), session);
      await this.store.remove(session, row.id);
      await this.note(session, by, 'remove', row, { before: viewOf(row) });
    });
  }

  private async setStatus(
    id: string,
    status: IncomingEndpointStatus,
    author: ChangeAuthor,
  ): Promise<IncomingEndpoint> {
    const action = status === 'paused' ? 'pause' : 'resume';
    checkNames(`an option of ${action}`, author, AUTHOR_FIELDS);
    const by = authorOf(author);
    return this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      if (row.status === status) return this.withAddress(row);
      await this.store.setStatus(session, row.id, status);
      await this.note(session, by, action, row, { before: { status: row.status }, after: { status } });
      return this.withAddress({ ...row, status });
    });
  }

  private changing<R>(fn: Parameters<typeof sealingTransaction<R>>[2]): Promise<R> {
    return sealingTransaction(this.engine.secrets, this.engine.admin, fn);
  }

  /** The row, which nobody else changes until the end of the transaction. */
  private async held(session: EngineSession, id: string): Promise<EndpointRow> {
    const row = isUuid(id) ? await this.store.lock(session, this.tenantId, id) : undefined;
    return row ?? unknownEndpoint(id);
  }

  private note(
    session: EngineSession,
    author: Author,
    verb: string,
    { id }: EndpointRow,
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    const noted = { action: `webhook-endpoints.${verb}`, target: `webhook-endpoint/${id}`, affected: 1 };
    return new AuditStore(this.engine.admin).add(session, author, { ...noted, ...change });
  }

  private get store(): IncomingEndpointStore {
    return new IncomingEndpointStore(this.engine.admin);
  }

  private sourceOf(key: string): WebhookSource {
    const source = this.webhooks.source(key);
    if (source.secrets === 'endpoint') return source;
    throw invalidArgument(
      `The source ${JSON.stringify(key)} has secrets of its own: endpoints are for sources with secrets: 'endpoint'`,
      { field: 'source' },
    );
  }

  private withAddress(row: EndpointRow): IncomingEndpoint {
    return { ...row, ...this.addressOf(row) };
  }

  private async detailsOf(row: EndpointRow): Promise<IncomingEndpointDetails> {
    return { ...this.withAddress(row), secrets: await this.engine.secretService.list(secretOf(row)) };
  }
}

function viewOf({ tenantId, source, externalId, status }: EndpointRow): object {
  return { tenantId, source, externalId, status };
}

function unknownEndpoint(id: unknown): never {
  throw new IntegrationError(
    'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN',
    `This tenant has no incoming endpoint ${JSON.stringify(String(id).slice(0, 100))}`,
    { endpointId: id },
  );
}

/** The other system goes on delivering to it, for as long as the connection has it. */
function ofConnection(connectionId: string): IntegrationError {
  return invalidArgument(
    `The endpoint belongs to the connection ${connectionId}, and goes with it: disable, revoke or remove the connection`,
    { field: 'id', connectionId },
  );
}
