import { afterEach, expect, it } from '@jest/globals';
import {
  type ArgumentMetadata,
  Controller,
  Get,
  Injectable,
  type PipeTransform,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { IntegrationSubscriber } from '../../src/index.js';
import { subscriberOptionsOf } from '../../src/subscribers/integration-subscriber.decorator.js';
import { providerMethods } from '../../src/subscribers/provider-methods.js';
import { hearLog, silenceLog } from '../support/log-lines.js';

const Guard = class {
  canActivate = () => true;
};
const Interceptor = class {
  intercept = (_: unknown, next: { handle(): never }) => next.handle();
};
const Pipe = class implements PipeTransform {
  transform(value: unknown, _: ArgumentMetadata): unknown {
    return value;
  }
};
const Filter = class {
  catch(): void {}
};
const Handles = IntegrationSubscriber('invoice.created', { consumerName: 'billing' });

let module: TestingModule | undefined;
afterEach(async () => {
  silenceLog();
  await module?.close();
});

/** What is said when the methods of this class are found, twice as by two engines. */
async function saidOf(kind: 'providers' | 'controllers', Class: Type): Promise<string[]> {
  module = await Test.createTestingModule({ imports: [DiscoveryModule], [kind]: [Class] }).compile();
  const log = hearLog();
  for (const _ of [1, 2])
    providerMethods(
      module.get(DiscoveryService, { strict: false }),
      (method) => subscriberOptionsOf(method).length > 0,
    );
  return log.texts('warn');
}

it('warns once of what Nest would call around a request, on the method or its class', async () => {
  @Injectable()
  @UseGuards(Guard)
  class Invoices {
    @Handles
    @UseInterceptors(Interceptor)
    @UsePipes(Pipe)
    @UseFilters(Filter)
    onInvoice(): void {}
  }
  const said = await saidOf('providers', Invoices);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(
    'Invoices.onInvoice (RootTestModule) has guards and interceptors and pipes and exception filters, which Nest calls for requests only',
  );
});

it('says nothing where they stand on what Nest calls', async () => {
  @Controller('invoices')
  @UseGuards(Guard)
  class Invoices {
    @Handles
    @Get()
    @UseInterceptors(Interceptor)
    both(): void {}
  }
  expect(await saidOf('controllers', Invoices)).toEqual([]);
});

it('warns of a method beside the routes of a controller', async () => {
  @Controller('invoices')
  @UseGuards(Guard)
  class Invoices {
    @Handles
    @UsePipes(Pipe)
    onInvoice(): void {}
  }
  expect(await saidOf('controllers', Invoices)).toEqual([
    expect.stringContaining('Invoices.onInvoice (RootTestModule) has pipes, which'),
  ]);
});

it('says nothing of a method without any', async () => {
  @Injectable()
  class Invoices {
    @Handles
    onInvoice(): void {}

    @UseGuards(Guard)
    other(): void {}
  }
  expect(await saidOf('providers', Invoices)).toEqual([]);
});
