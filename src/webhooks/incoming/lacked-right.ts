import { EngineClient } from '../../database/clients/engine-client.js';
import { sqlStateOf } from '../../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../../database/connection/sql-states.js';
import { IntegrationError } from '../../errors.js';
import { Privileges } from '../../maintenance/privileges.js';
import { RECEIVING_RIGHTS } from '../options/webhook-rights.store.js';
import type { IncomingEngine } from './incoming-engine.js';

/** Senders repeat, so the same right is missed again and again. The catalogue is asked once in this time. */
const TOLD_FOR_MS = 10_000;

const UNKNOWN =
  'A role of this process lacks a right that incoming webhooks need. docs/guide/operate/security.md lists the grants of each role.';

/** Says which right a role lacks after the server has refused a statement for it. */
export class LackedRight {
  private told: { readonly at: number; readonly error: Promise<IntegrationError> } | undefined;

  constructor(private readonly engine: Pick<IncomingEngine, 'database' | 'host'>) {}

  /** INTEGRATION_PRIVILEGES_MISSING for such a refusal. Any other error stays what it is. */
  async named(error: unknown): Promise<unknown> {
    if (error instanceof IntegrationError || sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) return error;
    const now = performance.now();
    if (this.told === undefined || now - this.told.at >= TOLD_FOR_MS)
      this.told = { at: now, error: this.ask(error) };
    return this.told.error;
  }

  private async ask(cause: unknown): Promise<IntegrationError> {
    const { database, host } = this.engine;
    const foreign = host.client instanceof EngineClient ? undefined : host.client;
    // Nobody is told less because the catalogue cannot be read either.
    const found = await new Privileges(database)
      .requireOf(RECEIVING_RIGHTS, { role: 'publisher' }, foreign)
      .catch((error: unknown) => error);
    const { message, details } =
      found instanceof IntegrationError && found.code === 'INTEGRATION_PRIVILEGES_MISSING'
        ? found
        : { message: UNKNOWN, details: {} };
    return new IntegrationError('INTEGRATION_PRIVILEGES_MISSING', message, details, { cause });
  }
}
