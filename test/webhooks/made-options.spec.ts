import { describe, expect, it } from '@jest/globals';
import { Injectable, Module, SetMetadata } from '@nestjs/common';
import {
  githubSource,
  type WebhooksMadeOptions,
  WebhooksModule,
  type WebhooksModuleAsyncOptions,
} from 'nestjs-integration/webhooks';
import { fromGithub, PLATFORMS, SECRET, startWebhookApp, storedEvents } from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

/** More than the body parsers of an application take. */
const LARGE = JSON.stringify({ text: 'x'.repeat(300_000) });

const stage = webhookStage();

@Injectable()
class Vault {
  async secretOf(name: string): Promise<string> {
    return name === 'github' ? SECRET : 'another';
  }
}

@Module({ providers: [Vault], exports: [Vault] })
class VaultModule {}

const optionsOf = async (vault: Vault): Promise<WebhooksMadeOptions> => ({
  incoming: { sources: [githubSource({ secrets: await vault.secretOf('github') })] },
});

@Injectable()
class OptionsOfVault {
  constructor(readonly vault: Vault) {}

  create(): Promise<WebhooksMadeOptions> {
    return optionsOf(this.vault);
  }
}
Reflect.defineMetadata('design:paramtypes', [Vault], OptionsOfVault);

@Module({ imports: [VaultModule], providers: [OptionsOfVault], exports: [OptionsOfVault] })
class OptionsModule {}

const WAYS: Record<string, WebhooksModuleAsyncOptions> = {
  useFactory: { imports: [VaultModule], inject: [Vault], useFactory: optionsOf },
  useClass: { imports: [VaultModule], useClass: OptionsOfVault },
  useExisting: { imports: [OptionsModule], useExisting: OptionsOfVault },
};

describe.each(PLATFORMS)('on %s, the sources of WebhooksModule.forRootAsync', (platform) => {
  it.each(Object.keys(WAYS))('come from %s, and take deliveries as those of forRoot do', async (way) => {
    const webhooks = WebhooksModule.forRootAsync({ ...WAYS[way], path: 'hooks' });
    const app = await stage.start({ platform, webhooks });
    expect(await app.send('/hooks/github', fromGithub(LARGE))).toMatchObject({ status: 200 });
    expect(await app.send('/hooks/github', fromGithub(LARGE, { id: 'd2', secret: 'wrong' }))).toMatchObject({
      status: 401,
    });
    expect(await app.send('/hooks/gitlab', fromGithub('{}'))).toMatchObject({ status: 404 });
    expect((await storedEvents(stage.database)).map(({ name }) => name)).toEqual(['webhook.github.push']);
  });
});

it('forRootAsync puts its decorators on the routes', async () => {
  const webhooks = WebhooksModule.forRootAsync({
    imports: [VaultModule],
    inject: [Vault],
    useFactory: optionsOf,
    decorate: [SetMetadata('isPublic', true)],
  });
  const [controller] = webhooks.controllers ?? [];
  expect(Reflect.getMetadata('isPublic', controller?.prototype.receive)).toBe(true);
});

describe('forRootAsync refuses', () => {
  const refusal = (options: object) => {
    try {
      WebhooksModule.forRootAsync(options as WebhooksModuleAsyncOptions);
    } catch (error) {
      return error;
    }
    throw new Error('it was not refused');
  };

  it.each([
    [{}, 'WebhooksModule.forRootAsync needs one of useFactory, useClass and useExisting'],
    [
      { useFactory: optionsOf, useClass: OptionsOfVault },
      'useFactory and useClass exclude each other: give one',
    ],
    [{ useFactory: optionsOf, path: ':id' }, 'path must be a path without parameters, such as "webhooks"'],
    [
      { useFactory: optionsOf, publicUrl: 'https://example.com' },
      'publicUrl is for what makes the options to return, not for forRootAsync itself',
    ],
  ])('%j', (options, problem) => {
    expect(refusal(options)).toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { problems: [problem] },
    });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'must return { incoming: { sources: […] } }'],
    ['options without sources', { incoming: {} }, 'must return { incoming: { sources: […] } }'],
    [
      'a path',
      { incoming: { sources: [] }, path: 'hooks' },
      'path is not an option that may be returned to WebhooksModule.forRootAsync',
    ],
    [
      'a source twice',
      { incoming: { sources: [githubSource({ secrets: SECRET }), githubSource({ secrets: SECRET })] } },
      'there are two sources of the name "github"',
    ],
  ])('%s from a factory, at boot', async (_, made, problem) => {
    const webhooks = WebhooksModule.forRootAsync({ useFactory: () => made as WebhooksMadeOptions });
    await expect(startWebhookApp(stage.database, { webhooks })).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { problems: [expect.stringContaining(problem)] },
    });
  });
});
