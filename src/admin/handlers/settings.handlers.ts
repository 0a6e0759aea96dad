import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IntegrationError } from '../../errors.js';
import { Answer } from '../../http/answer.js';
import { headerOf } from '../../http/server-request.js';
import { escapePointer, optional, position, text } from '../../rest/field.js';
import { type FieldProblem, invalidRequest, RestProblem } from '../../rest/problem.js';
import { limit, reason } from '../../rest/route.js';
import { IntegrationSettingsService, type SettingView } from '../../settings/integration-settings.service.js';
import { changeSentence, type SettingValues } from '../../settings/settings-change.js';
import { Setting, SettingHistoryPage, Settings, SettingsPreview } from '../answers/settings.js';
import { cursor, cursorText } from '../input/cursor.js';
import { settingValues } from '../input/setting-values.js';
import type { AdminHttpRequest } from '../options/admin-options.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const values = settingValues(
  'New values by the keys of settings. Null removes a stored value, so that the next source holds again.',
);
const ROUTES = {
  list: route({
    method: 'GET',
    path: 'settings',
    action: 'settings.read',
    about: 'Every setting: its value, where the value comes from, its default and bounds.',
    answer: Settings,
  }),
  preview: route({
    method: 'POST',
    path: 'settings/preview',
    action: 'settings.read',
    about: 'What new values would do, in words. It changes nothing.',
    body: { values },
    answer: SettingsPreview,
    startsNothing: true,
  }),
  change: route({
    method: 'PATCH',
    path: 'settings',
    action: 'settings.change',
    about:
      'Changes several settings: all of them, or none. With If-Match and the ETag of settings, it is refused if one of them was changed in the meantime.',
    body: { values, reason },
    answer: Settings,
    hasIfMatch: true,
  }),
  history: route({
    method: 'GET',
    path: 'settings/history',
    action: 'settings.read',
    about: 'Who changed which setting, from what to what, when and why. The latest first.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      key: optional(text('The key of a setting.', 255)),
    },
    answer: SettingHistoryPage,
  }),
  restore: route({
    method: 'POST',
    path: 'settings/restore',
    action: 'settings.change',
    about:
      'Returns a setting to the value that it had after a change of the history. If-Match is as for a change.',
    body: { changeId: position('The id of the change.'), reason },
    answer: Setting,
    hasIfMatch: true,
  }),
};

@Injectable()
export class SettingsHandlers implements Answering<typeof ROUTES, SettingsHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly settings: IntegrationSettingsService) {}

  async list(_: Call<typeof ROUTES.list>) {
    await this.settings.load('admin');
    return answerOf(this.settings.getAll());
  }

  preview({ body }: Call<typeof ROUTES.preview>) {
    return withPointers(body.values, this.settings.preview(body.values));
  }

  async change({ body, request, author }: Call<typeof ROUTES.change>) {
    await this.settings.load('admin');
    const seen = await this.seenBy(request);
    const expected = seen && expectedOf(seen, Object.keys(body.values));
    await withPointers(body.values, this.settings.change(body.values, { expected, ...author }));
    return answerOf(this.settings.getAll());
  }

  async history({ query }: Call<typeof ROUTES.history>) {
    const { limit, after: [after] = [], key } = query;
    const { entries, next } = await this.settings.history({ key, limit, after });
    return { items: entries, next: next === null ? null : cursorText([next]) };
  }

  async restore({ body, request, author }: Call<typeof ROUTES.restore>) {
    await this.settings.load('admin');
    // Which setting it is, is known to the history only.
    const seen = (await this.seenBy(request))?.map(({ key, value }) => [key, value] as const);
    return this.settings.restore(body.changeId, { expected: seen && Object.fromEntries(seen), ...author });
  }

  /**
   * The settings as the person has seen them, if the request says so. The tag is compared with what this
   * process has read. The database compares the values once more, in the transaction of the change.
   *
   * @throws RestProblem 412 if they are others by now
   */
  private async seenBy(request: AdminHttpRequest): Promise<readonly SettingView[] | undefined> {
    const given = headerOf(request, 'if-match');
    if (given === undefined) return undefined;
    const known = this.settings.getAll();
    if (isMatch(given, tagOf(known))) return known;
    const { entries } = await this.settings.history({ limit: 1 });
    const [latest] = entries.map(changeSentence);
    throw new RestProblem(
      412,
      'INTEGRATION_ADMIN_CHANGED',
      `A setting was changed since you read them.${latest === undefined ? '' : ` ${latest}.`} Read them again`,
    );
  }
}

function answerOf(items: readonly SettingView[]): Answer<{ items: readonly SettingView[] }> {
  return Answer.of({ items }, { headers: { ETag: tagOf(items) } });
}

/** Names the state of all settings. A change of any value or source gives another one. */
function tagOf(items: readonly SettingView[]): string {
  const state = JSON.stringify(items.map(({ key, value, source }) => [key, value, source]));
  return `"${createHash('sha256').update(state).digest('base64url').slice(0, 22)}"`;
}

/** A proxy that compresses makes a tag weak. */
function isMatch(given: string, tag: string): boolean {
  const tags = given.split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(tag);
}

/** The values that the person who changes them has seen. */
function expectedOf(
  known: readonly SettingView[],
  keys: readonly string[],
): Record<string, boolean | number | string> {
  const seen = keys.flatMap((key) => {
    const view = known.find((each) => isKeyOf(each.key, key));
    return view === undefined ? [] : [[key, view.value] as const];
  });
  return Object.fromEntries(seen);
}

/** Refusals of single values get a pointer to their field, by the key with which the request has it. */
async function withPointers<R>(values: SettingValues, change: Promise<R>): Promise<R> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof IntegrationError)) throw error;
    const { problems, key, field } = error.details as {
      readonly problems?: readonly { key: string; reason: string }[];
      readonly key?: string;
      readonly field?: unknown;
    };
    const problemOf = (about: string, message: string): FieldProblem => {
      const given = Object.keys(values).find((each) => isKeyOf(about, each));
      const pointer = given === undefined ? '/values' : `/values/${escapePointer(given)}`;
      return { in: 'body', pointer, message };
    };
    if (error.code === 'INTEGRATION_SETTING_UNKNOWN' && key !== undefined)
      throw invalidRequest([problemOf(key, 'is not a setting')]);
    if (error.code === 'INTEGRATION_SETTING_INVALID' && problems !== undefined) {
      const wrong = problems.map((each) => problemOf(each.key, each.reason));
      throw new RestProblem(400, error.code, error.message, wrong);
    }
    if (error.code === 'INTEGRATION_ADMIN_INVALID' && typeof field === 'string')
      throw new RestProblem(400, error.code, error.message, [problemOf(field, error.message)]);
    throw error;
  }
}

/** Whether a request means this setting. Keys are given in full or without the prefix. */
function isKeyOf(setting: string, given: string): boolean {
  return setting === given || setting.endsWith(`.outbox.${given}`);
}
