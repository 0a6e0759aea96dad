import { Injectable } from '@nestjs/common';
import type { ProblemSource } from '../../problems/problem.js';
import { count, optional, text } from '../../rest/field.js';
import { TroubleList } from '../answers/problems.js';
import { ProblemsLook } from '../look/problems.js';
import type { AdminAction } from '../options/admin-action.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'problems',
    action: 'overview.read',
    about:
      'What is wrong now, one problem for each cause, the worst first. It is at most two seconds old. It has only what the person may read: consumers, dead letters, findings of the doctor, and from the audit what was changed before.',
    query: {
      limit: optional(count('Number of problems, 10 by default.', 1, 100)),
      consumer: optional(text('Only the problems that this consumer has.', 127)),
    },
    answer: TroubleList,
  }),
};

/** The action that lets a person read what comes from a source. */
const NEEDS: readonly (readonly [ProblemSource, AdminAction])[] = [
  ['consumers', 'consumers.read'],
  ['dead-letters', 'dead-letters.read'],
  ['doctor', 'doctor.read'],
  ['changes', 'audit.read'],
];

@Injectable()
export class ProblemsHandlers implements Answering<typeof ROUTES, ProblemsHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly look: ProblemsLook) {}

  async list({ query, may }: Call<typeof ROUTES.list>) {
    const sources: ProblemSource[] = [];
    for (const [source, action] of NEEDS) if (await may(action, {})) sources.push(source);
    return this.look.latest({ consumerName: query.consumer, limit: query.limit, sources });
  }
}
