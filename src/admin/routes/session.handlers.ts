import { Injectable } from '@nestjs/common';
import type { AdminAction } from '../admin-action.js';
import { AdminSections } from '../admin-sections.js';
import { Session } from '../answers/session.js';
import type { Answering } from './answering.js';
import { type Call, route } from './route.js';

const ROUTES = {
  session: route({
    method: 'GET',
    path: 'session',
    action: 'session.read',
    about: 'The person behind the request, and what that person may do.',
    answer: Session,
  }),
};

@Injectable()
export class SessionHandlers implements Answering<typeof ROUTES, SessionHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly sections: AdminSections) {}

  async session({ actor, may }: Call<typeof ROUTES.session>) {
    const actions: AdminAction[] = [];
    for (const action of this.sections.actions) if (await may(action, {})) actions.push(action);
    return { actor, actions, parts: this.sections.parts };
  }
}
