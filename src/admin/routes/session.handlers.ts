import { Injectable } from '@nestjs/common';
import { ADMIN_ACTIONS, type AdminAction } from '../admin-action.js';
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

  async session({ actor, may }: Call<typeof ROUTES.session>) {
    const actions: AdminAction[] = [];
    for (const action of ADMIN_ACTIONS) if (await may(action, {})) actions.push(action);
    return { actor, actions };
  }
}
