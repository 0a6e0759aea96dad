import { Injectable } from '@nestjs/common';
import { EVENT_STREAM } from '../../rest/schema.js';
import { Overview } from '../answers/overview.js';
import { OverviewLook } from '../look/overview.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  overview: route({
    method: 'GET',
    path: 'overview',
    action: 'overview.read',
    about: 'How all consumers together do. It is at most two seconds old.',
    answer: Overview,
  }),
  stream: route({
    method: 'GET',
    path: 'stream',
    action: 'overview.read',
    about:
      'Server-sent events named overview, one every two seconds, with what overview gives. It ends after ten minutes; read it again then.',
    answer: EVENT_STREAM,
    isStream: true,
  }),
};

@Injectable()
export class OverviewHandlers implements Answering<typeof ROUTES, OverviewHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly look: OverviewLook) {}

  overview(_: Call<typeof ROUTES.overview>) {
    return this.look.latest();
  }

  stream(_: Call<typeof ROUTES.stream>) {
    return {};
  }
}
