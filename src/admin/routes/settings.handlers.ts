import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IntegrationSettingsService, type SettingView } from '../../settings/integration-settings.service.js';
import { Answer } from '../calls/answer.js';
import { type Call, route } from './route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'settings',
    action: 'settings.read',
    about: 'Every setting: its value, where the value comes from, its default and bounds.',
    answer: 'Settings',
  }),
};

@Injectable()
export class SettingsHandlers {
  static readonly routes = ROUTES;

  constructor(private readonly settings: IntegrationSettingsService) {}

  async list(_: Call<typeof ROUTES.list>): Promise<Answer> {
    await this.settings.load();
    return answerOf(this.settings.getAll());
  }
}

function answerOf(items: readonly SettingView[]): Answer {
  return Answer.of({ items }, { headers: { ETag: tagOf(items) } });
}

/** Names the state of all settings. A change of any value or source gives another one. */
function tagOf(items: readonly SettingView[]): string {
  const state = JSON.stringify(items.map(({ key, value, source }) => [key, value, source]));
  return `"${createHash('sha256').update(state).digest('base64url').slice(0, 22)}"`;
}
