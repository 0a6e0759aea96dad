import { Inject, Injectable } from '@nestjs/common';
import { packageVersion } from '../../database/migrations/package-folder.js';
import { OpenApiDocument, Session } from '../answers/session.js';
import { openApiDocument } from '../document/openapi-document.js';
import type { AdminAction } from '../options/admin-action.js';
import { ADMIN_CALL_OPTIONS, type AdminCallOptions } from '../options/admin-options.js';
import { AdminSections } from '../routes/admin-sections.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  session: route({
    method: 'GET',
    path: 'session',
    action: 'session.read',
    about: 'The person behind the request, and what that person may do.',
    answer: Session,
  }),
  openapi: route({
    method: 'GET',
    path: 'openapi',
    action: 'session.read',
    about: 'The OpenAPI document of the routes that this application has, with those of its parts.',
    answer: OpenApiDocument,
  }),
};

@Injectable()
export class SessionHandlers implements Answering<typeof ROUTES, SessionHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly sections: AdminSections,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
  ) {}

  async session({ actor, may }: Call<typeof ROUTES.session>) {
    const actions: AdminAction[] = [];
    for (const action of this.sections.actions) if (await may(action, {})) actions.push(action);
    const { trace = null, log = null, host = null } = this.options.links ?? {};
    return { actor, actions, parts: this.sections.parts, links: { trace, log, host } };
  }

  openapi(_: Call<typeof ROUTES.openapi>) {
    return openApiDocument(this.sections.byPart, packageVersion());
  }
}
