import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../../../audit/change-author.js';
import type { Operation, OperationRequest } from '../../../changes/operations/operation.js';
import type { PlannedEvents } from '../../../changes/operations/operation-plan.store.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { messageOf } from '../../../errors.js';
import { UuidV7Generator } from '../../../events/uuid-v7.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import { type AddSecret, sealingTransaction } from '../../../secrets/sealing-transaction.js';
import {
  checkChoice,
  checkNames,
  checkText,
  checkUuid,
  invalidArgument,
  pageSizeOf,
} from '../../../words/argument-checks.js';
import { EngineLogger } from '../../../words/engine-logger.js';
import { firstLine } from '../../../words/first-line.js';
import { pageOf } from '../../../words/page-of.js';
import { isUuid } from '../../../words/text.js';
import type {
  WebhookAttempt,
  WebhookDelivery,
  WebhookDeliveryDetails,
  WebhookDeliveryFilter,
  WebhookDeliveryPage,
  WebhookDeliveryPageRequest,
} from '../destinations/delivery.js';
import {
  type CreateDestination,
  DESTINATION_STATUSES,
  type DestinationFilter,
  type DestinationPage,
  type DestinationPageRequest,
  type DestinationWithSecret,
  type RotateDestinationSecret,
  type TestDestination,
  type UpdateDestination,
  type WebhookDestination,
  type WebhookDestinationDetails,
  type WebhookEventType,
} from '../destinations/destination.js';
import {
  DestinationStore,
  headerSecretOf,
  ownerOf,
  signingSecretOf,
} from '../destinations/destination.store.js';
import { checkCreate, checkUpdate } from '../destinations/destination-checks.js';
import { changedRow, newRow, viewOf } from '../destinations/destination-rows.js';
import type { OutgoingEngine } from '../outgoing-engine.js';
import { signingSecretFor } from '../sending/signing-secrets.js';
import { DestinationSecrets } from './destination-secrets.js';
import { sendTestTo, testOf } from './destination-test.js';
import { eventTypesOf } from './event-types-of.js';
import { type NotedChange, noteChange } from './noted-change.js';
import { TenantDeliveries } from './tenant-deliveries.js';
import { unknownDestination } from './unknown-destination.js';

const ids = new UuidV7Generator();

/** By whom and why an operation is planned, and how it is worked off. */
export type PlanOptions = ChangeAuthor & Pick<OperationRequest, 'maxEvents' | 'rate'>;

/** How far is counted. */
export type CountOptions = Pick<OperationRequest, 'maxEvents'>;

export interface PlanReplay {
  destinationId: string;
  since: Date;
  until?: Date | undefined;
  types?: readonly string[] | undefined;
}

/**
 * The destinations of one tenant, and their deliveries. What belongs to another tenant is unknown here. Each
 * change is noted in the audit, in its own transaction. The audit has no secrets, and of headers the names.
 */
export class TenantDestinations {
  constructor(
    readonly tenantId: string,
    private readonly engine: OutgoingEngine,
  ) {}

  /**
   * Adds a destination. The secret that is made for it is shown this once. A destination with a past is set
   * on by a second transaction. If that fails, it is answered as paused, and its reason says to resume it.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_URL_REFUSED with the reason;
   * INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC with the nearest type; INTEGRATION_ADMIN_INVALID for another field,
   * or for more destinations than the setting allows; INTEGRATION_KEY_MISSING
   */
  async create(given: CreateDestination): Promise<DestinationWithSecret> {
    checkCreate(given, this.engine);
    const author = authorOf(given);
    const { signing = 'v1', startFrom = 'now' } = given;
    const secret = signingSecretFor(signing, given.secret);
    const row = newRow(given, { id: ids.next(), tenantId: this.tenantId });
    await this.sealing(async (session, add) => {
      await this.refuseTooMany(session);
      const behindFrom = startFrom === 'now' ? undefined : await this.store.positionAt(session, startFrom);
      const added = await this.store.add(session, row, behindFrom);
      const held = behindFrom !== undefined;
      await this.targets.add(session, 'webhook', row.id, { tenantId: this.tenantId, held });
      await add(signingSecretOf(row), secret.value, 0);
      await sealHeaders(add, row, given.headers);
      await this.note(session, author, 'create', row.id, { after: viewOf(added) });
    });
    if (startFrom !== 'now') await this.begin(row.id).catch((error: unknown) => this.sayNotBegun(row, error));
    return this.ofSecrets.shown(row.id, secret);
  }

  /** @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN */
  get(id: string): Promise<WebhookDestinationDetails> {
    return this.ofSecrets.details(id);
  }

  /**
   * A page of destinations, in the order in which they were created. Pages lose none and repeat none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(filter: DestinationFilter = {}, page: DestinationPageRequest = {}): Promise<DestinationPage> {
    checkNames('a field of a filter', filter, ['status']);
    checkNames('an option of a page', page, ['limit', 'after']);
    if (filter.status !== undefined) checkChoice('status', filter.status, DESTINATION_STATUSES);
    checkUuid('after', page.after);
    const limit = pageSizeOf(page.limit);
    const found = await this.store.page(this.tenantId, filter, page.after, limit + 1);
    const { rows: destinations, next } = pageOf(found, limit, ({ id }) => id);
    return { destinations, next };
  }

  /**
   * Changes what a destination is. Types, filter and order hold for what is published from now on. Where and
   * how it is sent holds for what waits as well. With another URL it begins as if it had never failed, and a
   * pause ends that the receiver before had asked for. With another order, what waits for other deliveries
   * waits no longer.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, and as `create`
   */
  async update(id: string, given: UpdateDestination): Promise<WebhookDestinationDetails> {
    checkUpdate(given, this.engine);
    const author = authorOf(given);
    await this.sealing(async (session, add) => {
      const before = await this.held(session, id);
      const row = changedRow(before, given);
      const after = await this.store.change(session, row);
      if (before.order !== after.order) {
        await this.targets.makeReady(session, 'webhook', [before.id]);
        await this.store.releaseWaiting(session, before);
      }
      if (before.url !== after.url) await this.targets.beginAnew(session, 'webhook', before.id);
      await this.removeHeaders(session, before, given.headers);
      await sealHeaders(add, row, given.headers);
      await this.note(session, author, 'update', before.id, {
        before: viewOf(before),
        after: viewOf(after),
      });
    });
    return this.get(id);
  }

  /**
   * Sends nothing more until `resume`. Requests that are under way end. What is published meanwhile costs no
   * row, and is delivered after `resume`, as far as the log has it then.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, or INTEGRATION_ADMIN_INVALID if it is
   * disabled
   */
  async pause(id: string, author: ChangeAuthor = {}): Promise<WebhookDestination> {
    checkNames('an option of pause', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    return this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      if (row.status === 'paused') return row;
      if (row.status === 'disabled') throw wrongStatus(row, 'it is sent nothing');
      const paused = await this.store.setOff(session, row, 'paused', by.reason);
      await this.targets.hold(session, 'webhook', row.id);
      await this.note(session, by, 'pause', row.id, { before: statusOf(row), after: statusOf(paused) });
      return paused;
    });
  }

  /**
   * Ends a pause. What was published meanwhile is caught up with.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, or INTEGRATION_ADMIN_INVALID if it is
   * disabled: `enable` is for that
   */
  resume(id: string, author: ChangeAuthor = {}): Promise<WebhookDestination> {
    return this.setOn(id, 'paused', 'resume', author);
  }

  /**
   * Sends to a destination again that was disabled, as if it had never failed. What was published meanwhile
   * is caught up with.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, or INTEGRATION_ADMIN_INVALID if it is
   * paused: `resume` is for that
   */
  enable(id: string, author: ChangeAuthor = {}): Promise<WebhookDestination> {
    return this.setOn(id, 'disabled', 'enable', author);
  }

  /**
   * Removes a destination with its secrets, its deliveries and their attempts. A request that is under way
   * ends, and its outcome is dropped.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN
   */
  async remove(id: string, author: ChangeAuthor = {}): Promise<void> {
    checkNames('an option of remove', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    await this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      await this.engine.secrets.secrets.remove(ownerOf(row), session);
      await this.store.remove(session, row);
      await this.targets.remove(session, 'webhook', row.id);
      await this.note(session, by, 'remove', row.id, { before: viewOf(row) });
    });
  }

  /**
   * Gives a destination a new secret. Deliveries are signed with the secrets before it as well for
   * `overlapMs`, so that the receiver has the time to change.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, INTEGRATION_ADMIN_INVALID for a secret
   * that cannot be used, INTEGRATION_KEY_MISSING
   */
  rotateSecret(id: string, given: RotateDestinationSecret = {}): Promise<DestinationWithSecret> {
    return this.ofSecrets.rotate(id, given);
  }

  /**
   * Sends a signed request with the example of a contract, or `{"test":true}`, at once, and says what became
   * of it. It is no delivery: nothing of it is stored but a note in the audit, it is tried once, and it
   * counts for nothing. Its `webhook-id` begins with `msg_test_`. A destination that is paused or disabled is
   * tested as well.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN; INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC
   * with the nearest type; INTEGRATION_ADMIN_INVALID for a pattern of types, or if no type is given and the
   * destination asks for none that is public now
   */
  async sendTest(id: string, given: TestDestination = {}): Promise<WebhookAttempt> {
    checkNames('an option of sendTest', given, ['type', ...AUTHOR_FIELDS]);
    checkText('type', given.type, 255);
    const author = authorOf(given);
    const { destination, test } = await this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      const made = testOf(row, given.type, this.engine);
      await this.note(session, author, 'test', row.id, { after: { type: made.type, webhookId: made.id } });
      return { destination: row, test: made };
    });
    return sendTestTo(destination, test, this.engine);
  }

  /** The types that destinations may ask for, by name. */
  eventTypes(): Promise<WebhookEventType[]> {
    return eventTypesOf(this.engine.events);
  }

  /**
   * A page of deliveries, those of the latest events first.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN for a destination of the filter;
   * INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  deliveries(
    filter?: WebhookDeliveryFilter,
    page?: WebhookDeliveryPageRequest,
  ): Promise<WebhookDeliveryPage> {
    return this.ofDeliveries.page(filter, page);
  }

  /**
   * One delivery with what is sent, and its attempts.
   *
   * @param id `<uuid of the destination>.<position>`
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, also if the destination has no such
   * delivery
   */
  delivery(id: string): Promise<WebhookDeliveryDetails> {
    return this.ofDeliveries.get(id);
  }

  /**
   * Sends a delivery again that has ended. One that is pending already stays as it is.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN; INTEGRATION_ADMIN_INVALID if its body
   * could not be made
   */
  redrive(id: string, author?: ChangeAuthor): Promise<WebhookDelivery> {
    return this.ofDeliveries.redrive(id, author);
  }

  /**
   * Plans to send the dead deliveries of a destination again. `OperationService` runs it, with a rate and a
   * cancel.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, or as `OperationService.plan`
   */
  async planRedrive(filter: { destinationId: string }, options: PlanOptions = {}): Promise<Operation> {
    return this.engine.operations.plan({ ...options, ...(await this.redriveOf(filter)) });
  }

  /**
   * Counts what `planRedrive` would plan, and stores nothing.
   *
   * @throws IntegrationError as `planRedrive`
   */
  async countRedrive(filter: { destinationId: string }, options: CountOptions = {}): Promise<PlannedEvents> {
    return this.engine.operations.count({ ...options, ...(await this.redriveOf(filter)) });
  }

  /**
   * Plans to deliver events of a time to a destination again, also those that it has not got. The default of
   * `until` is now, and that of `types` what the destination asks for.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN, or as `OperationService.plan`
   */
  async planReplay(given: PlanReplay, options: PlanOptions = {}): Promise<Operation> {
    return this.engine.operations.plan({ ...options, ...(await this.replayOf(given)) });
  }

  /**
   * Counts what `planReplay` would plan, and stores nothing.
   *
   * @throws IntegrationError as `planReplay`
   */
  async countReplay(given: PlanReplay, options: CountOptions = {}): Promise<PlannedEvents> {
    return this.engine.operations.count({ ...options, ...(await this.replayOf(given)) });
  }

  private async redriveOf(filter: { destinationId: string }) {
    checkNames('a field of the filter', filter, ['destinationId']);
    const { id: destinationId, tenantId } = await this.get(filter.destinationId);
    return { kind: 'webhooks.redrive', filter: { tenantId, destinationId } } as const;
  }

  private async replayOf({ destinationId: given, since, until = new Date(), types }: PlanReplay) {
    const { id: destinationId, tenantId } = await this.get(given);
    const filter = { tenantId, destinationId, since, until, ...(types === undefined ? {} : { types }) };
    return { kind: 'webhooks.replay', filter } as const;
  }

  /** A destination with a past is set on by a transaction of its own (docs/decisions/0131). */
  private begin(id: string): Promise<void> {
    return this.engine.admin.transaction(async (session) => {
      const row = await this.store.lock(session, this.tenantId, id);
      if (row?.status !== 'paused') return;
      await this.store.setOn(session, row);
      await this.targets.release(session, 'webhook', row.id);
    });
  }

  /** The destination and its secret are stored, so the caller gets both. Its reason says what to do. */
  private sayNotBegun({ id }: Pick<WebhookDestination, 'id'>, error: unknown): void {
    new EngineLogger('OutgoingWebhooks').warnOfFailure(
      `The destination ${id} was created, and stays paused until it is resumed: ${firstLine(messageOf(error))}`,
    );
  }

  private async setOn(
    id: string,
    from: 'paused' | 'disabled',
    verb: 'resume' | 'enable',
    author: ChangeAuthor,
  ): Promise<WebhookDestination> {
    checkNames(`an option of ${verb}`, author, AUTHOR_FIELDS);
    const by = authorOf(author);
    return this.engine.admin.transaction(async (session) => {
      const row = await this.held(session, id);
      if (row.status === 'active') return row;
      if (row.status !== from)
        throw wrongStatus(row, `${verb === 'resume' ? 'enable' : 'resume'} is for that`);
      const active = await this.store.setOn(session, row);
      await this.targets.release(session, 'webhook', row.id);
      await this.note(session, by, verb, row.id, { before: statusOf(row), after: statusOf(active) });
      return active;
    });
  }

  private async refuseTooMany(session: EngineSession): Promise<void> {
    const most = this.engine.settings['outgoing.maxDestinationsPerTenant'];
    if ((await this.store.countAlone(session, this.tenantId)) < most) return;
    throw invalidArgument(
      `This tenant has ${most} destinations already: remove one, or raise the setting core.integration.webhooks.outgoing.maxDestinationsPerTenant`,
      { most },
    );
  }

  private sealing<R>(fn: (session: EngineSession, add: AddSecret) => Promise<R>): Promise<R> {
    return sealingTransaction(this.engine.secrets, this.engine.admin, fn);
  }

  /** Headers are given as a whole. What is not among them is deleted. */
  private async removeHeaders(
    session: EngineSession,
    before: WebhookDestination,
    headers: Readonly<Record<string, string>> | undefined,
  ): Promise<void> {
    if (headers === undefined) return;
    const kept = Object.keys(headers).map((name) => name.toLowerCase());
    for (const name of before.headers)
      if (!kept.includes(name))
        await this.engine.secrets.secrets.remove(headerSecretOf(before, name), session);
  }

  /** The row, which nobody else changes until the end of the transaction. */
  private async held(session: EngineSession, id: string): Promise<WebhookDestination> {
    const row = isUuid(id) ? await this.store.lock(session, this.tenantId, id) : undefined;
    if (row === undefined) throw unknownDestination(id);
    return row;
  }

  private note(session: EngineSession, author: Author, verb: string, id: string, change: NotedChange) {
    return noteChange(this.engine.admin, session, author, verb, id, change);
  }

  private get store(): DestinationStore {
    return new DestinationStore(this.engine.admin);
  }

  private get targets(): OutgoingTargetStore {
    return new OutgoingTargetStore(this.engine.admin);
  }

  private get ofSecrets(): DestinationSecrets {
    return new DestinationSecrets(this.tenantId, this.engine);
  }

  private get ofDeliveries(): TenantDeliveries {
    return new TenantDeliveries(this.tenantId, this.engine, (id) => this.get(id));
  }
}

async function sealHeaders(
  add: AddSecret,
  row: Pick<WebhookDestination, 'id' | 'tenantId'>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const [name, value] of Object.entries(headers))
    await add(headerSecretOf(row, name.toLowerCase()), value, 0);
}

function statusOf({ status, reason, behindFrom }: WebhookDestination): object {
  return { status, reason, behindFrom };
}

function wrongStatus({ id, status, reason }: WebhookDestination, what: string): Error {
  const why = reason === null ? '' : ` (${reason})`;
  return invalidArgument(`The destination ${id} is ${status}${why}: ${what}`, { field: 'id', status });
}
