import {
  Global,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IntegrationDeveloperApiService, IntegrationModule, IntegrationSubscriber } from 'nestjs-integration';

/** What happened, in order. */
let said: string[] = [];
let begun = () => {};
let finish: Promise<void> = Promise.resolve();

function provider(name: string): Type {
  @Injectable()
  class Provider implements OnApplicationBootstrap, OnModuleDestroy {
    async onApplicationBootstrap(): Promise<void> {
      // Long enough for an event that waits to be delivered meanwhile, if delivery had begun.
      await new Promise((resolve) => setTimeout(resolve, 300));
      said.push(`${name} is ready`);
    }

    onModuleDestroy(): void {
      said.push(`${name} closes`);
    }
  }
  return Provider;
}

@Injectable()
class Subscriber {
  @IntegrationSubscriber({ eventName: 'hooks.checked', consumerName: 'hooks' })
  async onEvent(): Promise<void> {
    said.push('handler begins');
    begun();
    await finish;
    said.push('handler ends');
  }
}

@Module({ providers: [provider('imported')] })
class ImportedModule {}

@Global()
@Module({ providers: [provider('global')] })
class GlobalModule {}

@Module({ imports: [ImportedModule], providers: [provider('feature'), Subscriber] })
class FeatureModule {}

const integration = () => IntegrationModule.forRoot({ migrations: 'run' });

@Module({ imports: [integration(), GlobalModule, FeatureModule], providers: [provider('root')] })
class IntegrationFirst {}

@Module({ imports: [GlobalModule, FeatureModule, integration()], providers: [provider('root')] })
class IntegrationLast {}

async function publishOne(): Promise<void> {
  @Module({ imports: [IntegrationModule.forRoot({ migrations: 'run', role: 'publisher' })] })
  class PublishingModule {}
  const app = (
    await Test.createTestingModule({ imports: [PublishingModule] }).compile()
  ).createNestApplication({ logger: ['error', 'warn'] });
  await app.init();
  await app.get(IntegrationDeveloperApiService).publishEvent('hooks.checked', 'test', 'thing', 'a1', {});
  await app.close();
}

describe.each([IntegrationFirst, IntegrationLast])('%p', (root) => {
  it('runs handlers while every module is ready, and no longer', async () => {
    await publishOne();
    said = [];
    const began = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let end = () => {};
    finish = new Promise((resolve) => {
      end = resolve;
    });
    const app = (await Test.createTestingModule({ imports: [root] }).compile()).createNestApplication({
      logger: ['error', 'warn'],
    });
    await app.init();
    await began;
    const names = ['feature', 'global', 'imported', 'root'];
    expect(said.slice(0, -1).sort()).toEqual(names.map((name) => `${name} is ready`));
    expect(said.at(-1)).toBe('handler begins');

    said = [];
    const closing = app.close();
    setTimeout(end, 300);
    await closing;
    expect(said[0]).toBe('handler ends');
    expect(said.slice(1).sort()).toEqual(names.map((name) => `${name} closes`));
  });
});
