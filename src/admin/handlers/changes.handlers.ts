import { Injectable } from '@nestjs/common';
import { ChangeHistoryService } from '../../history/change-history.service.js';
import { count, optional, text, time } from '../../rest/field.js';
import { ChangeHistory } from '../answers/changes.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'changes',
    action: 'audit.read',
    about:
      'What was changed in some time, the latest first, as sentences: processes that were started, by version, settings, and what admins did. The marks in charts are from here.',
    query: {
      from: optional(time('Behind this time. The default is an hour before the end.')),
      to: optional(time('Up to this time. The default is now.')),
      consumer: optional(text('Leaves out what was done to other consumers.', 127)),
      limit: optional(count('Number of changes, 100 by default.', 1, 500)),
    },
    answer: ChangeHistory,
  }),
};

@Injectable()
export class ChangesHandlers implements Answering<typeof ROUTES, ChangesHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly history: ChangeHistoryService) {}

  list({ query: { consumer, ...range } }: Call<typeof ROUTES.list>) {
    return this.history.list({ ...range, consumerName: consumer });
  }
}
