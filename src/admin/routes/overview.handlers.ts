import { Injectable } from '@nestjs/common';
import { type Overview, OverviewLook } from '../look/overview.js';
import { type Call, route } from './route.js';

const ROUTES = {
  overview: route({
    method: 'GET',
    path: 'overview',
    action: 'overview.read',
    about: 'How all consumers together do. It is at most two seconds old.',
    answer: 'Overview',
  }),
  stream: route({
    method: 'GET',
    path: 'stream',
    action: 'overview.read',
    about:
      'Server-sent events named overview, one every two seconds, with what overview gives. It ends after ten minutes; read it again then.',
    answer: 'Overview',
    isStream: true,
  }),
};

@Injectable()
export class OverviewHandlers {
  static readonly routes = ROUTES;

  constructor(private readonly look: OverviewLook) {}

  overview(_: Call<typeof ROUTES.overview>): Promise<Overview> {
    return this.look.latest();
  }

  stream(_: Call<typeof ROUTES.stream>): object {
    return {};
  }
}
