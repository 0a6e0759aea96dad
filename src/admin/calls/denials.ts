import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { consumerTarget } from '../../changes/chosen/audit-targets.js';
import { messageOf } from '../../errors.js';
import { EngineLogger } from '../../words/engine-logger.js';
import type { AdminAction, AdminTarget } from '../options/admin-action.js';
import { DenialLimit } from './denial-limit.js';

/**
 * Notes in the audit who was not allowed to do what. A page that is open asks again every few seconds, and a
 * script asks without end, so the rows are limited.
 */
@Injectable()
export class Denials {
  private readonly logger = new EngineLogger('IntegrationAdmin');
  private readonly limit = new DenialLimit();

  constructor(private readonly audit: AuditService) {}

  /** A denial stays one if the database cannot be reached. The log has it then. */
  async note(action: AdminAction, target: AdminTarget, actor: string): Promise<void> {
    const turn = this.limit.take(actor, action);
    if (turn === undefined) return;
    try {
      await this.audit.denied(action, targetOf(action, target), { by: actor, via: 'rest' }, turn);
    } catch (error) {
      const line = `${actor} was denied ${action}, which could not be noted: ${messageOf(error)}`;
      this.logger.warnOfFailure(line, 'denied');
    }
  }
}

function targetOf(action: AdminAction, { consumer, event, operation, entity }: AdminTarget): string {
  if (consumer !== undefined) return consumerTarget(consumer);
  if (event !== undefined) return `event/${event}`;
  if (operation !== undefined) return `operation/${operation}`;
  if (entity !== undefined) return `entity/${entity.type}/${entity.id}`;
  return action.split('.', 1)[0] ?? action;
}
