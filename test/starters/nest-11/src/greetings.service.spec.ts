import { Test } from '@nestjs/testing';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationError,
} from 'nestjs-integration';
import { GreetingsService } from './greetings.service';

describe('GreetingsService', () => {
  const published = { outboxEventId: 'e1', position: 1, duplicate: false };
  const integrationApi = {
    transaction: jest.fn((work: (tx: object) => Promise<unknown>) => work({})),
    publishEvent: jest.fn().mockResolvedValue(published),
  };

  async function createService(): Promise<GreetingsService> {
    const module = await Test.createTestingModule({
      providers: [
        GreetingsService,
        { provide: IntegrationDeveloperApiService, useValue: integrationApi },
        { provide: EventSubscriberRegistry, useValue: { registerHandler: jest.fn() } },
      ],
    }).compile();
    return module.get(GreetingsService);
  }

  it('publishes a greeting inside a transaction', async () => {
    const service = await createService();
    await expect(service.greet('Ada')).resolves.toBe('e1');
    expect(integrationApi.publishEvent).toHaveBeenCalledWith(
      expect.objectContaining({ aggregateId: 'Ada' }),
      {
        persistenceClient: {},
      },
    );
  });

  it('gets the package itself, not a mock', () => {
    expect(new IntegrationError('INTEGRATION_CLOSED', 'closed')).toBeInstanceOf(Error);
  });
});
