import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import * as api from '../src/index.js';

const INDEX = join(import.meta.dirname, '../src/index.ts');

describe('the package', () => {
  it('exports these values', () => {
    expect(Object.keys(api).sort()).toEqual(VALUES);
  });

  it('exports these types besides', () => {
    const names = exportedNames().filter((name) => !VALUES.includes(name));
    expect(names.sort()).toEqual(TYPES);
  });

  it('lists every export by its name', () => {
    expect(readFileSync(INDEX, 'utf8')).not.toMatch(/export\s+\*/);
  });
});

function exportedNames(): string[] {
  const file = ts.createSourceFile(INDEX, readFileSync(INDEX, 'utf8'), ts.ScriptTarget.Latest);
  return file.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement))
      throw new Error(`not a re-export: ${ts.SyntaxKind[statement.kind]}`);
    const { exportClause } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    return exportClause.elements.map(({ name }) => name.text);
  });
}

const VALUES = [
  'AggregatePublisher',
  'AuditService',
  'ConsumerService',
  'DoctorService',
  'DomainEventPublisher',
  'EventLookService',
  'EventSubscriberRegistry',
  'INTEGRATION_ERROR_CODES',
  'InboxService',
  'InjectIntegration',
  'IntegrationDeveloperApiService',
  'IntegrationError',
  'IntegrationLinkService',
  'IntegrationModule',
  'IntegrationSettingsService',
  'IntegrationSubscriber',
  'LinkGraphService',
  'NonRetryableError',
  'OnIntegrationEvent',
  'OutboxNotifier',
  'OutboxPollingCoordinator',
  'OutboxProcessor',
  'OutboxService',
  'PgSqlClient',
  'RetryAfterError',
  'SkipEventError',
  'UnavailableError',
  'getIntegrationToken',
];

const TYPES = [
  'AdapterFactory',
  'AdapterWords',
  'AggregateEventInput',
  'AttemptOutcome',
  'AuditEntry',
  'AuditFilter',
  'AuditOutcome',
  'AuditPage',
  'AuditPageRequest',
  'AuditVia',
  'BatchSubscriberDefinition',
  'BatchSubscriberHandler',
  'BatchSubscriberOptions',
  'ChangeAuthor',
  'ConsumerDelivery',
  'ConsumerView',
  'CreateIntegrationLinkDto',
  'CursorStatus',
  'DeadLetter',
  'DeliveryStatus',
  'DiscardOptions',
  'DiscardableState',
  'DomainEvent',
  'DomainEventInput',
  'DrainResult',
  'EngineConnectionOptions',
  'EventChain',
  'EventHead',
  'EventHistory',
  'EventMetadata',
  'EventName',
  'EventOf',
  'EventOutcome',
  'EventSearchPage',
  'EventSearchResult',
  'EventWithPayloadText',
  'Examination',
  'FailedAttempt',
  'FinalFailure',
  'Finding',
  'FindingAction',
  'FindingSeverity',
  'FullSettingKey',
  'HostAdapter',
  'InboxFilter',
  'InboxPageRequest',
  'InboxRecord',
  'InboxStatus',
  'IntegrationErrorCode',
  'IntegrationEvents',
  'IntegrationExtension',
  'IntegrationLink',
  'IntegrationLinkEnd',
  'IntegrationLinkType',
  'IntegrationModuleAsyncOptions',
  'IntegrationModuleOptions',
  'IntegrationOptions',
  'IntegrationOptionsFactory',
  'IntegrationService',
  'IntegrationTypes',
  'Jsonify',
  'LeftToOther',
  'LinkEdge',
  'LinkGraph',
  'OutboxEvent',
  'OutboxEventFilter',
  'OutboxEventStatus',
  'OutboxEventStatusReport',
  'OutboxSettings',
  'OutboxStats',
  'OutcomeKinds',
  'Page',
  'PageRequest',
  'PayloadOf',
  'PersistenceClient',
  'PgClient',
  'PollingState',
  'ProcessedOutcome',
  'ProcessorStats',
  'PublishEventOptions',
  'PublishOptions',
  'PublishedEvent',
  'RedriveOptions',
  'RemoveOptions',
  'RepartitionOptions',
  'RepartitionState',
  'ReplayFilter',
  'ReplayOptions',
  'ReplayRange',
  'ReplayRequest',
  'ReplayResult',
  'Resolution',
  'RetryingOutcome',
  'SettingChange',
  'SettingEffect',
  'SettingHistoryEntry',
  'SettingHistoryPage',
  'SettingHistoryRequest',
  'SettingKey',
  'SettingProblem',
  'SettingSource',
  'SettingValues',
  'SettingView',
  'SettingsChangeOptions',
  'SettingsPreview',
  'SingleSubscriberOptions',
  'SkippedOutcome',
  'SqlClient',
  'StartFrom',
  'SubscriberBatch',
  'SubscriberContext',
  'SubscriberDefinition',
  'SubscriberHandler',
  'SubscriberOptions',
  'SubscriberRetry',
  'TelemetryOptions',
  'TextBatchSubscriberDefinition',
  'TextBatchSubscriberHandler',
  'TextBatchSubscriberOptions',
  'TextEventOf',
  'TextSubscriberDefinition',
  'TextSubscriberHandler',
  'TextSubscriberOptions',
  'TimelineEntry',
  'TransactionLimit',
  'TransactionOptions',
  'TransactionState',
  'TransactionalSqlClient',
  'Tx',
  'Wakeup',
];
