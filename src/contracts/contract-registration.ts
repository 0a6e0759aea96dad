import type { Logger } from '@nestjs/common';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../database/connection/sql-states.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { type ContractFinding, type Review, review } from './contract-review.js';
import type { ContractSchemas } from './contract-schemas.js';
import type { ContractsSettings } from './contracts-options.js';
import { EventContractStore } from './event-contract.store.js';

/**
 * Compares the contracts of the code with those in the table, and keeps the new ones.
 *
 * Two processes may boot at the same time with different versions or with different schemas of one version.
 * A process that has something to write looks again under a lock and decides by what it sees then. The lock
 * ends with the commit that makes its rows visible. So the second process judges by the rows of the first,
 * and no two of them can keep what does not go together. A process that has nothing to write takes no lock.
 */
export class ContractRegistration {
  constructor(
    private readonly schemas: ContractSchemas,
    private readonly settings: ContractsSettings,
    private readonly logger: Logger,
  ) {}

  /** @throws IntegrationError INTEGRATION_CONTRACT_CHANGED or INTEGRATION_CONTRACT_BREAKING */
  async register(db: EngineDatabase): Promise<void> {
    const code = this.schemas.all();
    if (code.length === 0) return;
    const names = [...new Set(code.map(({ kept }) => kept.name))];
    const store = new EventContractStore(db);
    try {
      const first = review(code, await store.find(names));
      const result =
        first.toKeep.length === 0
          ? first
          : await store.alone(async (session) => {
              const again = review(code, await store.find(names, session));
              this.refuse(again);
              await store.write(keepable(again), session);
              return again;
            });
      this.refuse(result);
      for (const { message } of result.findings) this.logger.warn(message);
    } catch (cause) {
      throw sqlStateOf(cause) === INSUFFICIENT_PRIVILEGE ? withoutRight(db, cause) : cause;
    }
  }

  private refuse({ findings }: Review): void {
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0 && this.settings.enforcement === 'reject') throw contractsRefused(errors);
  }
}

/** A contract that is refused, and only warned about, leaves what is registered as it is. */
function keepable({ findings, toKeep }: Review): Review['toKeep'] {
  const refused = findings.filter(({ severity }) => severity === 'error');
  return toKeep.filter(
    ({ name, version }) => !refused.some((each) => each.eventName === name && each.version === version),
  );
}

/** The error for contracts that cannot be used. Its code is that of the first finding. */
function contractsRefused(errors: readonly ContractFinding[]): IntegrationError {
  const messages = errors.map(({ message }) => message);
  const text =
    messages.length === 1 ? messages.join('') : messages.map((message) => `\n- ${message}`).join('');
  return new IntegrationError(errors[0]?.code ?? 'INTEGRATION_CONTRACT_CHANGED', text.trim(), {
    eventName: errors[0]?.eventName,
    version: errors[0]?.version,
    findings: errors.map((each) => ({ ...each })),
  });
}

function withoutRight(db: EngineDatabase, cause: unknown): IntegrationError {
  const { eventContract } = db.tables;
  return new IntegrationError(
    'INTEGRATION_PRIVILEGES_MISSING',
    `The role of the engine’s connection lacks rights on ${eventContract}, in which contracts are registered. Run as the owner of the tables: GRANT SELECT, INSERT, UPDATE ON ${eventContract} TO <role>. docs/guide/operate/security.md lists what each role needs`,
    {},
    { cause },
  );
}
