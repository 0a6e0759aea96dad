import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { choice, optional, text, time } from '../../rest/field.js';
import { limit } from '../../rest/route.js';
import { AuditPage } from '../answers/audit.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'audit',
    action: 'audit.read',
    about:
      'Who changed what, when and why, and who was not allowed to. The latest first. With several of actor, action, target and outcome, a page looks at 100,000 entries of one of them at most, so it may be empty although there is a next one.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      actor: optional(text('The name of a person or a job.', 255)),
      action: optional(text('What was done: consumers.pause.', 63)),
      target: optional(text('To what: consumer/billing.', 511)),
      outcome: optional(choice('How it ended.', ['done', 'failed', 'denied'])),
      from: optional(time('At this time or later.')),
      to: optional(time('Before this time.')),
    },
    answer: AuditPage,
  }),
};

@Injectable()
export class AuditHandlers implements Answering<typeof ROUTES, AuditHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly audit: AuditService) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit, after: [after] = [], from, to, ...filter } = query;
    const { entries, next, scannedTo } = await this.audit.list(
      { ...filter, since: from, until: to },
      { limit, after },
    );
    return { items: entries, next: next === null ? null : cursorText([next]), scannedTo };
  }
}
