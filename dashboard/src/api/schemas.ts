// Written by scripts/write-dashboard-types.mjs out of openapi/admin-api.json. Do not change it by hand.

export type AttemptLines = {
  attempts: Array<{
    attempt: number;
    at: string;
    sentence: string | null;
    lines: Array<{
      at: string;
      level: 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal';
      text: string;
    }>;
  }>;
};
export type AuditEntry = {
  id: number;
  at: string;
  actor: string;
  via: 'service' | 'cli' | 'rest';
  action: string;
  target: string | null;
  before: unknown;
  after: unknown;
  reason: string | null;
  affected: number | null;
  outcome: 'done' | 'failed' | 'denied';
  idempotencyKey: string | null;
};
export type AuditPage = { items: Array<AuditEntry>; next: string | null; scannedTo: string | null };
export type Backlog = {
  consumerName: string;
  partitions: number;
  pending: Counted;
  running: Counted;
  retrying: Counted;
  postponed: Counted;
  postponedSince: string | null;
  waiting: Counted;
  delayed: Counted;
  failedForGood: Counted;
  deadLetters: Counted;
  lag: {
    positions: number;
    seconds: number;
    isAtMost: boolean;
    since: string;
    caughtUpInSeconds: number | null;
  } | null;
  says: string;
  paused: { since: string; by: string | null; reason: string | null } | null;
  owners: Array<{ id: string; host: string | null; pid: number | null; partitions: Array<number> }>;
};
export type BacklogEvent = {
  id: string;
  outboxEventId: string;
  position: number;
  partition: number;
  eventName: string | null;
  aggregateType: string;
  aggregateId: string;
  attemptCount: number;
  lastError: string | null;
  errorFingerprint: string | null;
  dueAt: string | null;
  since: string;
  why: WhyNotYet | null;
};
export type BacklogPage = {
  items: Array<BacklogEvent>;
  next: string | null;
  backlog: Backlog;
  scannedTo: number | null;
};
export type BlockingEvents = {
  items: Array<{
    consumerName: string;
    partition: number;
    outboxEventId: string;
    position: number;
    aggregateType: string;
    aggregateId: string;
    attemptCount: number;
    lastError: string | null;
    errorFingerprint: string | null;
    retryAt: string;
    postponedSince: string | null;
    behind: Counted;
  }>;
};
export type CallCounts = {
  items: Array<{
    type: string;
    status: 'requested' | 'processing' | 'completed' | 'failed' | 'canceled';
    calls: number;
    outcomeUnknown: number;
    oldestChangeAt: string;
    newestChangeAt: string;
  }>;
  atLeast: boolean;
};
export type CallPage = {
  items: Array<{
    id: string;
    type: string;
    tenantId: string;
    group: string;
    subject: { type: string; id: string } | null;
    caller: { saga: string; key: string } | null;
    status: 'requested' | 'processing' | 'completed' | 'failed' | 'canceled';
    externalId: string | null;
    error: { code: string; message: string } | null;
    attempts: number;
    isOutcomeUnknown: boolean;
    lastError: string | null;
    cancelReason: string | null;
    retryOf: string | null;
    dueAt: string | null;
    deadlineAt: string;
    createdAt: string;
    changedAt: string;
    endedAt: string | null;
  }>;
  next: string | null;
};
export type CallTimeline = {
  items: Array<{
    id: number;
    externalId: string | null;
    phase: 'processing' | 'completed' | 'failed' | 'canceled';
    source: string;
    applied: boolean;
    times: number;
    at: string;
    lastAt: string;
  }>;
};
export type ChangeHistory = {
  from: string;
  to: string;
  changes: Array<{
    at: string;
    kind: 'process' | 'setting' | 'consumer' | 'operation' | 'other';
    says: string;
    target: string | null;
  }>;
  more: boolean;
};
export type ComparedAttempts = {
  sentence: string;
  parts: Array<{
    name: string;
    differs: boolean;
    lines: Array<{ in: 'both' | 'first' | 'second'; text: string }>;
  }>;
};
export type Consumer = {
  consumerName: string;
  state: 'unavailable' | 'paused' | 'orphaned' | 'unserved' | 'repartitioning' | 'working';
  eventNames: Array<string>;
  paused: boolean;
  pausedSince: string | null;
  pausedBy: string | null;
  pauseReason: string | null;
  orphaned: boolean;
  repartitioningTo: number | null;
  pendingPositions: number;
  pendingEvents: number | null;
  lagSeconds: number | null;
  lagIsAtMost: boolean;
  deadLetters: number;
  deadLettersAtLeast: boolean;
  settledPerSecond: number | null;
  unservedSince: string | null;
  partitions: Array<Partition>;
};
export type ConsumerDelivery = {
  consumerName: string;
  status: 'pending' | 'processing' | 'processed' | 'failed' | 'dead_letter' | 'skipped';
  attemptCount: number;
  lastError: string | null;
  availableAt: string | null;
  postponedSince: string | null;
  why: WhyNotYet | null;
};
export type ConsumerPage = { items: Array<Consumer>; next: string | null };
export type ConsumerRates = {
  consumerName: string;
  from: string;
  to: string;
  step: number;
  points: Array<{
    at: string;
    settledPerSecond: number | null;
    publishedPerSecond: number | null;
    backlog: number | null;
    lagSeconds: number | null;
    deadLetters: number | null;
  }>;
};
export type ConsumerWork = {
  consumerName: string;
  from: string;
  to: string;
  step: number;
  points: Array<WorkPoint>;
};
export type Contract = {
  name: string;
  versions: Array<{
    version: number;
    visibility: 'internal' | 'public';
    description: string | null;
    retired: boolean;
    retiredAt: string | null;
    registeredAt: string;
    hash: string | null;
    hasSchema: boolean;
    compared: 'whole' | 'in part' | 'not';
    notCompared: Array<string>;
  }>;
};
export type ContractPage = { items: Array<Contract>; next: string | null };
export type ContractWithSchemas = {
  name: string;
  versions: Array<{
    version: number;
    visibility: 'internal' | 'public';
    description: string | null;
    retired: boolean;
    retiredAt: string | null;
    registeredAt: string;
    hash: string | null;
    hasSchema: boolean;
    compared: 'whole' | 'in part' | 'not';
    notCompared: Array<string>;
    schema: Record<string, unknown> | null;
  }>;
};
export type Correction = { outboxEventId: string; position: number };
export type Counted = { count: number; atLeast: boolean };
export type CreatedWebhookDestination = {
  id: string;
  tenantId: string;
  url: string;
  eventTypes: Array<string>;
  status: 'active' | 'paused' | 'disabled';
  reason: string | null;
  waiting: Counted;
  dead: Counted;
  lastHour: { attempts: Counted; delivered: number };
  failures: number;
  failingSince: string | null;
  behindFrom: number | null;
  createdAt: string;
  filter: Record<string, unknown> | null;
  format: 'standard' | 'cloudevents';
  signing: 'v1' | 'v1a';
  order: 'none' | 'entity' | 'strict';
  ratePerSecond: number | null;
  maxInFlight: number | null;
  timeoutMs: number | null;
  headers: Array<string>;
  secrets: Array<{ version: number; rotatedAt: string; validUntil: string | null }>;
  publicKey: string | null;
};
export type DeadLetter = {
  id: string;
  outboxEventId: string;
  position: number;
  consumerName: string;
  aggregateType: string;
  aggregateId: string;
  status: 'dead_letter';
  attemptCount: number;
  lastError: string | null;
  errorFingerprint: string | null;
  availableAt: string | null;
  processedAt: string | null;
  resolution: Resolution | null;
  createdAt: string;
  updatedAt: string;
  eventName: string;
};
export type DeadLetterPage = { items: Array<DeadLetter>; next: string | null; scannedTo: number | null };
export type Done = { done: boolean };
export type EngineRates = {
  from: string;
  to: string;
  step: number;
  points: Array<{
    at: string;
    handledPerSecond: number | null;
    failedPerSecond: number | null;
    latencyMedianSeconds: number | null;
    latencyP95Seconds: number | null;
    publishedPerSecond: number | null;
    backlog: number | null;
    lagSeconds: number | null;
    deadLetters: number | null;
  }>;
  busiest: Array<{ consumerName: string; points: Array<WorkPoint> }>;
};
export type EstimatedCount = { count: number; atLeast: boolean; estimate: number };
export type Event = {
  outboxEventId: string;
  position: number;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  metadata: Record<string, unknown>;
  timestamp: string;
  payloadBytes: number | null;
  deduplicationKey: string | null;
  availableAt: string | null;
};
export type EventChain = {
  correlationId: string;
  items: Array<Event>;
  scannedFrom: number;
  scannedTo: number;
  hasMore: boolean;
};
export type EventHistory = {
  attempts: Array<FailedAttempt>;
  folds: Array<{ first: number; last: number; sentence: string }>;
  resolution: Resolution | null;
  operationId: string | null;
};
export type EventPage = {
  items: Array<{
    outboxEventId: string;
    position: number;
    eventName: string;
    eventVersion: number;
    sourceModule: string;
    aggregateType: string;
    aggregateId: string;
    metadata: Record<string, unknown>;
    timestamp: string;
    payloadBytes: number | null;
    deduplicationKey: string | null;
    availableAt: string | null;
    status?: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'processed' | 'unrouted' | undefined;
  }>;
  next: string | null;
  scannedTo: number;
  progress: SearchProgress;
};
export type EventWithStatus = {
  outboxEventId: string;
  position: number;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  metadata: Record<string, unknown>;
  timestamp: string;
  payloadBytes: number | null;
  deduplicationKey: string | null;
  availableAt: string | null;
  status: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'processed' | 'unrouted';
  consumers: Array<ConsumerDelivery>;
};
export type Examination = {
  schema: string;
  at: string;
  findings: Array<{
    key: string;
    check: string;
    severity: 'critical' | 'warning' | 'info';
    since: string | null;
    finding: string;
    meaning: string;
    fix: string;
    action: { service: string; method: string; arguments: Array<boolean | number | string> } | null;
    details: Record<string, unknown>;
  }>;
  checked: Array<string>;
  notChecked: Array<{ check: string; reason: string }>;
};
export type ExplainedEvent = {
  outboxEventId: string;
  position: number;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  metadata: Record<string, unknown>;
  timestamp: string;
  payloadBytes: number | null;
  deduplicationKey: string | null;
  availableAt: string | null;
  status: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'processed' | 'unrouted';
  consumers: Array<ConsumerDelivery>;
  leftOut: { items: Array<{ consumerName: string; why: NotMeant }>; hasMore: boolean };
};
export type ExternalCall = {
  id: string;
  type: string;
  tenantId: string;
  group: string;
  subject: { type: string; id: string } | null;
  caller: { saga: string; key: string } | null;
  status: 'requested' | 'processing' | 'completed' | 'failed' | 'canceled';
  externalId: string | null;
  error: { code: string; message: string } | null;
  attempts: number;
  isOutcomeUnknown: boolean;
  lastError: string | null;
  cancelReason: string | null;
  retryOf: string | null;
  dueAt: string | null;
  deadlineAt: string;
  createdAt: string;
  changedAt: string;
  endedAt: string | null;
  next: 'start' | 'find-out' | 'poll' | 'report' | 'cancel' | null;
};
export type FailedAttempt = {
  attempt: number;
  at: string;
  ms: number | null;
  process: string | null;
  host: string | null;
  pid: number | null;
  error: string;
  stack: string | null;
  fingerprint: string;
  linesSentence: string | null;
};
export type FailureGroup = {
  consumerName: string;
  fingerprint: string | null;
  deadLetters: EstimatedCount;
  firstPosition: number;
  lastPosition: number;
  firstFailedAt: string;
  latest: { outboxEventId: string; eventName: string | null; error: string | null; failedAt: string };
  note: { text: string; by: string; at: string } | null;
  acknowledged: { by: string; at: string; newSince: EstimatedCount } | null;
};
export type FailureGroupPage = { items: Array<FailureGroup>; next: string | null; isPartial: boolean };
export type FlowMap = {
  at: string;
  window: { events: number; from: string | null; seconds: number; says: string };
  names: Array<{
    sourceModule: string;
    eventName: string;
    events: number;
    perSecond: number;
    consumers: number;
    says: string;
  }>;
  moreNames: { count: number; says: string } | null;
  consumers: Array<{
    consumerName: string;
    eventNames: Array<string>;
    state: 'dead-letters' | 'behind' | 'paused' | 'in-time';
    deadLetters: Counted;
    lagSeconds: number | null;
    perSecond: number;
    names: number;
    from: Array<number>;
    says: string;
  }>;
  moreConsumers: { count: number; says: string } | null;
};
export type GroupedDeadLetterPage = {
  items: Array<{
    id: string;
    outboxEventId: string;
    position: number;
    consumerName: string;
    aggregateType: string;
    aggregateId: string;
    status: 'dead_letter';
    attemptCount: number;
    lastError: string | null;
    errorFingerprint: string | null;
    availableAt: string | null;
    processedAt: string | null;
    resolution: Resolution | null;
    createdAt: string;
    updatedAt: string;
    eventName: string | null;
  }>;
  next: string | null;
  group: FailureGroup | null;
};
export type HeatMap = {
  from: string;
  to: string;
  step: number;
  latencyBounds: Array<number | null>;
  steps: Array<{ at: string; handled: number | null; failed: number | null; latency: Array<number> | null }>;
  failing: Array<{ consumerName: string; failed: number; steps: Array<number | null> }>;
  others: { consumers: number; failed: number; steps: Array<number | null> };
};
export type Journey = {
  events: Array<{
    outboxEventId: string;
    position: number;
    eventName: string;
    sourceModule: string;
    aggregateType: string;
    aggregateId: string;
    timestamp: string;
    causedBy: string | null;
    publishedBy: string | null;
    status: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'processed' | 'unrouted';
    deliveries: Array<{
      consumerName: string;
      status: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'skipped' | 'processed';
      attempts: Array<{ attempt: number; at: string; ms: number | null; error: string }>;
      runningSince: string | null;
      doneAt: string | null;
      says: string;
    }>;
    says: string;
  }>;
  lanes: Array<{
    consumerName: string;
    status: 'dead_letter' | 'failed' | 'processing' | 'pending' | 'skipped' | 'processed';
    events: number;
    says: string;
  }>;
  moreLanes: { count: number; says: string } | null;
  hasMore: boolean;
  says: string;
};
export type KeysRotated = { current: string; rewrapped: number; unreadable: number; left: number };
export type LinkGraph = {
  nodes: Array<{ module: string; entityType: string; entityId: string }>;
  edges: Array<{
    id: string;
    sourceModule: string;
    sourceEntityType: string;
    sourceEntityId: string;
    targetModule: string;
    targetEntityType: string;
    targetEntityId: string;
    linkType: 'reference' | 'cascade' | 'aggregate_root';
    createdAt: string;
  }>;
  truncated: boolean;
};
export type NotMeant =
  | { code: 'begins-behind'; sentence: string; startsAt: number }
  | { code: 'not-asked'; sentence: string; asks: Array<string> };
export type OpenApiDocument = Record<string, unknown>;
export type Operation = {
  id: string;
  kind: string;
  state: 'planned' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed';
  filter: {
    consumerName?: string | undefined;
    eventName?: string | undefined;
    aggregateType?: string | undefined;
    aggregateId?: string | undefined;
    outboxEventId?: string | undefined;
    outboxEventIds?: Array<string> | undefined;
    position?: number | undefined;
    errorFingerprint?: string | undefined;
    from?: number | undefined;
    to?: number | undefined;
    since?: string | undefined;
    until?: string | undefined;
    eventNames?: Array<string> | undefined;
  };
  chosenEvents: number | null;
  states: Array<string> | null;
  fromPosition: number | null;
  nextPosition: number | null;
  toPosition: number | null;
  maxEvents: number | null;
  rate: number | null;
  stopAfter: number | null;
  stopAbovePercent: number | null;
  plannedEvents: number;
  plannedAtLeast: boolean;
  parts: Array<{ consumerName: string; fingerprint: string | null; error: string | null; events: number }>;
  leftOut: { unknown: number; notTaken: number; events: Array<string> } | null;
  changed: number;
  requestedBy: string;
  reason: string | null;
  createdAt: string;
  startedAt: string | null;
  progressedAt: string | null;
  finishedAt: string | null;
  cancelledBy: string | null;
  error: string | null;
};
export type OperationCount = {
  plannedEvents: number;
  plannedAtLeast: boolean;
  parts: Array<{ consumerName: string; fingerprint: string | null; error: string | null; events: number }>;
  leftOut: { unknown: number; notTaken: number; events: Array<string> } | null;
};
export type OperationPage = { items: Array<Operation>; next: string | null };
export type OperationWithVerdict = {
  id: string;
  kind: string;
  state: 'planned' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed';
  filter: {
    consumerName?: string | undefined;
    eventName?: string | undefined;
    aggregateType?: string | undefined;
    aggregateId?: string | undefined;
    outboxEventId?: string | undefined;
    outboxEventIds?: Array<string> | undefined;
    position?: number | undefined;
    errorFingerprint?: string | undefined;
    from?: number | undefined;
    to?: number | undefined;
    since?: string | undefined;
    until?: string | undefined;
    eventNames?: Array<string> | undefined;
  };
  chosenEvents: number | null;
  states: Array<string> | null;
  fromPosition: number | null;
  nextPosition: number | null;
  toPosition: number | null;
  maxEvents: number | null;
  rate: number | null;
  stopAfter: number | null;
  stopAbovePercent: number | null;
  plannedEvents: number;
  plannedAtLeast: boolean;
  parts: Array<{ consumerName: string; fingerprint: string | null; error: string | null; events: number }>;
  leftOut: { unknown: number; notTaken: number; events: Array<string> } | null;
  changed: number;
  requestedBy: string;
  reason: string | null;
  createdAt: string;
  startedAt: string | null;
  progressedAt: string | null;
  finishedAt: string | null;
  cancelledBy: string | null;
  error: string | null;
  verdict: {
    succeeded: number;
    failedTheSameWay: number;
    failedOtherwise: number;
    pending: number;
    isPartial: boolean;
  };
  sentence: string | null;
  secondsLeft: number | null;
};
export type Overview = {
  at: string;
  consumers: number;
  partitions: number;
  paused: number;
  unavailable: number;
  unowned: number;
  orphaned: number;
  unserved: number;
  repartitioning: number;
  pendingPositions: number;
  pausedPositions: number;
  toRead: number;
  toReadAtMost: boolean;
  pausedToRead: number;
  mostToRead: Array<{
    consumerName: string;
    toRead: number;
    toReadAtMost: boolean;
    oldestSeconds: number | null;
  }>;
  lagSeconds: number | null;
  oldestSeconds: number | null;
  deadLetters: number;
  publishedPerSecond: number | null;
  settledPerSecond: number | null;
  deadLettersAtLeast: boolean;
  longRunning: Array<{
    consumerName: string;
    attempts: number;
    since: string;
    position: number;
    attempt: number;
    process: { id: string; host: string; pid: number };
    sentence: string;
  }>;
};
export type Partition = {
  partition: number;
  owner: { id: string; host: string | null; pid: number | null } | null;
  ownerNotSeenSince: string | null;
  pendingPositions: number;
  pendingEvents: number | null;
  lagSeconds: number | null;
  lagIsAtMost: boolean;
  deadLetters: number;
  deadLettersAtLeast: boolean;
  unavailable: { since: string; reason: string } | null;
  lastProgressAt: string | null;
  servedAt: string;
};
export type Payload = { outboxEventId: string; payload: unknown };
export type Problem = {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors?: Array<{ in: 'path' | 'query' | 'header' | 'body'; pointer: string; message: string }> | undefined;
};
export type Process = {
  id: string;
  host: string;
  pid: number;
  role: string;
  version: string | null;
  startedAt: string;
  seenAt: string;
  seenSecondsAgo: number;
  alive: boolean;
  connected: boolean | null;
  handles: Array<string>;
  owns: Array<{ consumerName: string; partition: number; until: string }>;
  settings: Record<string, boolean | number | string>;
  working: Array<{
    consumerName: string;
    partition: number;
    position: number;
    eventName: string;
    events: number;
    attempt: number;
    since: string;
  }>;
};
export type ProcessPage = { items: Array<Process>; next: string | null };
export type Rehearsal = {
  id: string;
  outboxEventId: string;
  consumerName: string;
  position: number;
  state: 'asked' | 'running' | 'ended' | 'untaken' | 'lost';
  sentence: string;
  linesSentence: string | null;
  requestedBy: string;
  askedAt: string;
  process: { id: string; host: string; pid: number } | null;
  startedAt: string | null;
  endedAt: string | null;
  mayReadPayloads: boolean;
  result: {
    outcome: 'succeeded' | 'skipped' | 'postponed' | 'failed' | 'refused';
    error: { text: string; stack: string | null; code: string | null; fingerprint: string } | null;
    reason: string | null;
    ms: number | null;
    lines: Array<{
      at: string;
      level: 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal';
      text: string;
    }>;
    linesLeftOut: number;
    keepsLines: boolean;
    published: Array<UnpublishedEvent>;
    hasMorePublished: boolean;
  } | null;
};
export type RehearsalOutlook = {
  warning: string;
  refusal: string | null;
  processes: Array<{ id: string; host: string; pid: number }>;
};
export type Relay = {
  name: string;
  broker: string | null;
  addresses: Array<string>;
  state: 'running' | 'unavailable' | 'paused' | 'unserved';
  since: string | null;
  reason: string | null;
  processes: Array<{ id: string; host: string | null; pid: number | null }>;
  consumerName: string;
  eventNames: Array<string>;
  acceptedPerSecond: number | null;
  refusedPerSecond: number | null;
  duplicatesPerSecond: number | null;
  unacceptedPerSecond: number | null;
  latencyMedianSeconds: number | null;
  latencyP95Seconds: number | null;
  lastRefusal: { at: string; reason: string; eventId: string; eventName: string; position: number } | null;
};
export type RelaySource = {
  name: string;
  broker: string | null;
  addresses: Array<string>;
  state: 'running' | 'unavailable' | 'paused' | 'unserved';
  since: string | null;
  reason: string | null;
  processes: Array<{ id: string; host: string | null; pid: number | null }>;
  storedPerSecond: number | null;
  repeatedPerSecond: number | null;
  rejectedPerSecond: number | null;
  lastRejection: { at: string; reason: string } | null;
};
export type Relays = { at: string; relays: Array<Relay>; sources: Array<RelaySource> };
export type RemovedSchedule = { removed: string };
export type Repartition = { state: 'done' | 'handing over' | 'catching up' | 'moving' };
export type Resealed = { resealed: number; unreadable: number };
export type Resolution = {
  action: 'redrive' | 'discard' | 'replay';
  by: string;
  reason: string | null;
  at: string;
  attempts: number;
  fingerprint: string | null;
};
export type RetriedSaga = { retried: number };
export type RunningAttempts = {
  items: Array<{
    processId: string;
    host: string;
    pid: number;
    seenAt: string;
    consumerName: string;
    partition: number;
    position: number;
    eventName: string;
    events: number;
    attempt: number;
    since: string;
  }>;
};
export type Saga = {
  saga: string;
  key: string;
  id: string;
  tenantId: string;
  step: string;
  status: 'active' | 'completed' | 'undone' | 'canceled';
  version: number;
  steps: number;
  startedAt: string;
  changedAt: string;
  endedAt: string | null;
  stuck: boolean;
  timeouts: Array<{ name: string; at: string }>;
  undo: number;
  waiting: Array<{
    outboxEventId: string;
    position: number;
    eventName: string;
    wanted: Array<string>;
    until: string;
    releasedAt: string | null;
  }>;
};
export type SagaHistory = {
  items: Array<{
    n: number;
    outboxEventId: string | null;
    name: string;
    stepBefore: string | null;
    stepAfter: string;
    reason: string | null;
    at: string;
  }>;
};
export type SagaPage = {
  items: Array<{
    saga: string;
    key: string;
    id: string;
    tenantId: string;
    step: string;
    status: 'active' | 'completed' | 'undone' | 'canceled';
    version: number;
    steps: number;
    startedAt: string;
    changedAt: string;
    endedAt: string | null;
    stuck: boolean;
  }>;
  next: string | null;
};
export type SagaSteps = {
  steps: Array<{
    saga: string;
    step: string;
    sagas: number;
    oldestChangeAt: string;
    medianChangeAt: string;
    stuck: number;
  }>;
  atLeast: boolean;
};
export type SagaTransitions = {
  items: Array<{
    from: string | null;
    to: string;
    outcome: 'completed' | 'undone' | 'canceled' | null;
    name: string;
    times: number;
    lastAt: string;
  }>;
};
export type Schedule = {
  name: string;
  status: 'active' | 'paused' | 'ended';
  cron: string | null;
  everyMs: number | null;
  timeZone: string;
  startAt: string | null;
  endAt: string | null;
  limit: number | null;
  left: number | null;
  missed: 'once' | 'skip' | 'all';
  overlap: 'skip' | 'queue';
  consumerName: string;
  nextAt: string | null;
  lastAt: string | null;
  lastEventId: string | null;
  skipped: number;
  skippedAt: string | null;
  pausedAt: string | null;
  place: string | null;
  changedBy: string;
  changedAt: string;
};
export type SchedulePage = {
  items: Array<{
    name: string;
    status: 'active' | 'paused' | 'ended';
    cron: string | null;
    everyMs: number | null;
    timeZone: string;
    startAt: string | null;
    endAt: string | null;
    limit: number | null;
    left: number | null;
    missed: 'once' | 'skip' | 'all';
    overlap: 'skip' | 'queue';
    consumerName: string;
    nextAt: string | null;
    lastAt: string | null;
    lastEventId: string | null;
    skipped: number;
    skippedAt: string | null;
    pausedAt: string | null;
    place: string | null;
    changedBy: string;
    changedAt: string;
  }>;
  next: string | null;
};
export type SchedulePreview = { items: Array<string> };
export type ScheduleRuns = {
  items: Array<{
    outboxEventId: string;
    at: string;
    cause: 'time' | 'missed' | 'trigger';
    publishedAt: string;
    status: string | null;
    attempts: number;
    lastError: string | null;
  }>;
};
export type SearchProgress = { looked: number; of: number; sentence: string };
export type Secret = {
  tenantId: string;
  ownerType: string;
  ownerId: string;
  name: string;
  rotatedAt: string;
  versions: Array<{
    version: number;
    createdAt: string;
    validUntil: string | null;
    keyName: string;
    readable: boolean;
  }>;
};
export type SecretKey = { name: string; current: boolean; dataKeys: number; secrets: number };
export type SecretKeys = { items: Array<SecretKey> };
export type SecretPage = { items: Array<Secret>; next: string | null };
export type Session = {
  actor: string;
  actions: Array<string>;
  parts: Array<string>;
  links: { trace: string | null; log: string | null; host: string | null };
};
export type Setting = {
  key: string;
  value: boolean | number | string;
  default: boolean | number | string;
  source: string;
  type: 'boolean' | 'ms' | 'count' | 'events' | 'days' | 'durations';
  description: string;
  unit: string | null;
  min?: number | undefined;
  max?: number | undefined;
  environmentName: string;
};
export type SettingChange = {
  id: number;
  key: string;
  from: unknown;
  to: unknown;
  at: string;
  by: string | null;
  reason: string | null;
};
export type SettingHistoryPage = { items: Array<SettingChange>; next: string | null };
export type Settings = { items: Array<Setting> };
export type SettingsPreview = {
  problems: Array<{ key: string; reason: string }>;
  effects: Array<{
    key: string;
    from: boolean | number | string;
    to: boolean | number | string;
    effect: string;
  }>;
};
export type TimelinePage = { items: Array<EventWithStatus>; next: string | null };
export type TriggeredSchedule = { outboxEventId: string };
export type Trouble = {
  key: string;
  kind:
    | 'dead-letters'
    | 'unavailable'
    | 'unserved'
    | 'orphaned'
    | 'unowned'
    | 'long-running'
    | 'behind'
    | 'paused'
    | 'repartitioning'
    | 'finding';
  severity: 'critical' | 'warning' | 'info';
  says: string;
  since: string | null;
  consumers: { count: number; first: Array<string> };
  fingerprint: string | null;
  check: string | null;
  action: { service: string; method: string; arguments: Array<boolean | number | string> } | null;
  deadLetters: EstimatedCount | null;
  perMinute: number | null;
  trend: 'growing' | 'steady' | 'falling' | 'over' | null;
  minutes: Array<number>;
  changedBefore: Array<{
    at: string;
    kind: 'process' | 'setting' | 'consumer' | 'operation' | 'other';
    says: string;
    target: string | null;
  }>;
};
export type TroubleList = {
  at: string;
  problems: Array<Trouble>;
  more: number;
  notChecked: Array<{ check: string; reason: string }>;
};
export type UnpublishedEvent = {
  outboxEventId: string;
  position: number;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  payload: string | null;
  payloadBytes: number;
};
export type WebhookDelivery = {
  destinationId: string;
  position: number;
  outboxEventId: string | null;
  eventName: string | null;
  type: string | null;
  eventAt: string | null;
  status: 'pending' | 'delivered' | 'dead' | 'cancelled';
  attempts: number;
  dueAt: string | null;
  lastStatus: number | null;
  lastError: string | null;
  mayReadPayloads: boolean;
  data: string | null;
  attemptList: Array<{
    attempt: number;
    at: string;
    durationMs: number;
    statusCode: number | null;
    error: string | null;
    answer: string | null;
  }>;
};
export type WebhookDeliveryPage = {
  items: Array<{
    destinationId: string;
    position: number;
    outboxEventId: string | null;
    eventName: string | null;
    type: string | null;
    eventAt: string | null;
    status: 'pending' | 'delivered' | 'dead' | 'cancelled';
    attempts: number;
    dueAt: string | null;
    lastStatus: number | null;
    lastError: string | null;
  }>;
  next: string | null;
};
export type WebhookDestination = {
  id: string;
  tenantId: string;
  url: string;
  eventTypes: Array<string>;
  status: 'active' | 'paused' | 'disabled';
  reason: string | null;
  waiting: Counted;
  dead: Counted;
  lastHour: { attempts: Counted; delivered: number };
  failures: number;
  failingSince: string | null;
  behindFrom: number | null;
  createdAt: string;
  filter: Record<string, unknown> | null;
  format: 'standard' | 'cloudevents';
  signing: 'v1' | 'v1a';
  order: 'none' | 'entity' | 'strict';
  ratePerSecond: number | null;
  maxInFlight: number | null;
  timeoutMs: number | null;
  headers: Array<string>;
  secrets: Array<{ version: number; rotatedAt: string; validUntil: string | null }>;
};
export type WebhookDestinationPage = {
  items: Array<{
    id: string;
    tenantId: string;
    url: string;
    eventTypes: Array<string>;
    status: 'active' | 'paused' | 'disabled';
    reason: string | null;
    waiting: Counted;
    dead: Counted;
    lastHour: { attempts: Counted; delivered: number };
    failures: number;
    failingSince: string | null;
    behindFrom: number | null;
    createdAt: string;
  }>;
  next: string | null;
};
export type WebhookEndpoint = {
  id: string;
  tenantId: string;
  source: string;
  externalId: string | null;
  status: 'active' | 'paused';
  createdAt: string;
  path: string;
  url: string | null;
  secrets: Array<{ version: number; rotatedAt: string; validUntil: string | null }>;
};
export type WebhookEndpointPage = {
  items: Array<{
    id: string;
    tenantId: string;
    source: string;
    externalId: string | null;
    status: 'active' | 'paused';
    createdAt: string;
  }>;
  next: string | null;
};
export type WebhookEventTypes = {
  items: Array<{
    type: string;
    description: string | null;
    deprecated: boolean;
    schema: Record<string, unknown> | null;
    examples: Array<unknown>;
  }>;
};
export type WebhookRefusals = {
  items: Array<{
    id: string;
    source: string | null;
    at: string;
    step:
      | 'source'
      | 'endpoint'
      | 'size'
      | 'raw-body'
      | 'header'
      | 'signature'
      | 'timestamp'
      | 'repeated-body'
      | 'payload'
      | 'paused';
    deliveryId: string | null;
    endpointId: string | null;
    bytes: number | null;
  }>;
};
export type WebhookSource = {
  source: string | null;
  known: boolean;
  accepted: number;
  repeated: number;
  handshakes: number;
  invalid: number;
  failed: number;
  refused: Record<string, number>;
  lastAcceptedAt: string | null;
  lastRefusedAt: string | null;
  refusedSince: string | null;
};
export type WebhookSources = { days: number; items: Array<WebhookSource> };
export type WebhookTestAttempt = {
  attempt: number;
  at: string;
  durationMs: number;
  statusCode: number | null;
  error: string | null;
  answer: string | null;
};
export type WhyNotYet =
  | {
      code: 'running';
      sentence: string;
      since: string;
      attempt: number;
      events: number;
      process: { id: string; host: string; pid: number };
    }
  | { code: 'paused'; sentence: string; since: string; by: string | null; because: string | null }
  | { code: 'changing-partitions'; sentence: string; to: number | null; since: string | null }
  | {
      code: 'no-handler';
      sentence: string;
      lastSeen: string;
      lacking: Array<{ id: string; host: string; pid: number }>;
    }
  | { code: 'handlers-off'; sentence: string; processes: Array<{ id: string; host: string; pid: number }> }
  | { code: 'not-before'; sentence: string; at: string }
  | { code: 'retry'; sentence: string; at: string; attempts: number }
  | { code: 'postponed'; sentence: string; at: string; since: string }
  | {
      code: 'behind-entity';
      sentence: string;
      earlier: {
        position: number;
        outboxEventId: string | null;
        state: 'running' | 'retry' | 'postponed' | 'next';
        at: string | null;
        since: string | null;
        process: { id: string; host: string; pid: number } | null;
      } | null;
    }
  | {
      code: 'no-owner';
      sentence: string;
      owner: { id: string; host: string; pid: number } | null;
      until: string | null;
      able: Array<{ id: string; host: string; pid: number }>;
    }
  | {
      code: 'unavailable';
      sentence: string;
      since: string;
      because: string;
      process: { id: string; host: string; pid: number };
    }
  | { code: 'queue'; sentence: string; ahead: Counted; perSecond: number | null; seconds: number | null };
export type WorkPoint = {
  at: string;
  handledPerSecond: number | null;
  failedPerSecond: number | null;
  latencyMedianSeconds: number | null;
  latencyP95Seconds: number | null;
};

/** Every route: what it takes, and what it answers. */
export interface Routes {
  'GET session': {
    action: 'session.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Session;
  };
  'GET openapi': {
    action: 'session.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: OpenApiDocument;
  };
  'GET overview': {
    action: 'overview.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Overview;
  };
  'GET stream': {
    action: 'overview.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  'GET problems': {
    action: 'overview.read';
    path: Record<never, never>;
    query: { limit?: number | undefined; consumer?: string | undefined };
    body: undefined;
    answer: TroubleList;
  };
  'GET flow': {
    action: 'consumers.read';
    path: Record<never, never>;
    query: {
      module?: string | undefined;
      name?: string | undefined;
      consumer?: string | undefined;
      limit?: number | undefined;
    };
    body: undefined;
    answer: FlowMap;
  };
  'GET consumers': {
    action: 'consumers.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      name?: string | undefined;
      paused?: boolean | undefined;
      state?: 'unavailable' | 'paused' | 'orphaned' | 'unserved' | 'repartitioning' | 'working' | undefined;
      order?: 'name' | 'state' | 'unread' | 'lag' | 'deadLetters' | 'progress' | undefined;
    };
    body: undefined;
    answer: ConsumerPage;
  };
  'GET consumers/{name}': {
    action: 'consumers.read';
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    answer: Consumer;
  };
  'DELETE consumers/{name}': {
    action: 'consumers.remove';
    path: { name: string };
    query: Record<never, never>;
    body: { force?: boolean | undefined; reason?: string | undefined };
    answer: Done;
  };
  'POST consumers/{name}/pause': {
    action: 'consumers.pause';
    path: { name: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Consumer;
  };
  'POST consumers/{name}/resume': {
    action: 'consumers.resume';
    path: { name: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Consumer;
  };
  'POST consumers/{name}/repartition': {
    action: 'consumers.repartition';
    path: { name: string };
    query: Record<never, never>;
    body: { partitions: number; reason?: string | undefined };
    answer: Repartition;
  };
  'GET consumers/{name}/backlog': {
    action: 'consumers.read';
    path: { name: string };
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      state?:
        | 'pending'
        | 'running'
        | 'retrying'
        | 'postponed'
        | 'waiting'
        | 'delayed'
        | 'failed-for-good'
        | 'dead'
        | undefined;
    };
    body: undefined;
    answer: BacklogPage;
  };
  'GET consumers/{name}/blocked': {
    action: 'consumers.read';
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    answer: BlockingEvents;
  };
  'GET consumers/{name}/running': {
    action: 'consumers.read';
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    answer: RunningAttempts;
  };
  'GET consumers/{name}/rates': {
    action: 'consumers.read';
    path: { name: string };
    query: { from?: string | undefined; to?: string | undefined; step?: number | undefined };
    body: undefined;
    answer: ConsumerRates;
  };
  'GET consumers/{name}/work': {
    action: 'consumers.read';
    path: { name: string };
    query: { from?: string | undefined; to?: string | undefined; step?: number | undefined };
    body: undefined;
    answer: ConsumerWork;
  };
  'GET rates': {
    action: 'consumers.read';
    path: Record<never, never>;
    query: { from?: string | undefined; to?: string | undefined; step?: number | undefined };
    body: undefined;
    answer: EngineRates;
  };
  'GET heat': {
    action: 'consumers.read';
    path: Record<never, never>;
    query: {
      from?: string | undefined;
      to?: string | undefined;
      step?: number | undefined;
      consumer?: string | undefined;
      limit?: number | undefined;
    };
    body: undefined;
    answer: HeatMap;
  };
  'GET events': {
    action: 'events.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      name?: string | undefined;
      module?: string | undefined;
      aggregateType?: string | undefined;
      aggregateId?: string | undefined;
      deduplicationKey?: string | undefined;
      position?: number | undefined;
      correlationId?: string | undefined;
      about?: string | undefined;
      payloadPath?: string | undefined;
      payloadValue?: string | undefined;
      from?: string | undefined;
      to?: string | undefined;
      order?: 'latest' | 'oldest' | undefined;
      withStatus?: boolean | undefined;
    };
    body: undefined;
    answer: EventPage;
  };
  'GET events/{id}': {
    action: 'events.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: ExplainedEvent;
  };
  'GET events/{id}/payload': {
    action: 'payloads.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: Payload;
  };
  'GET events/{id}/history': {
    action: 'events.read';
    path: { id: string };
    query: { consumer: string };
    body: undefined;
    answer: EventHistory;
  };
  'GET events/{id}/lines': {
    action: 'payloads.read';
    path: { id: string };
    query: { consumer: string };
    body: undefined;
    answer: AttemptLines;
  };
  'GET events/{id}/compared': {
    action: 'payloads.read';
    path: { id: string };
    query: { consumer: string; first: number; second: number };
    body: undefined;
    answer: ComparedAttempts;
  };
  'GET events/{id}/chain': {
    action: 'events.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: EventChain;
  };
  'GET events/{id}/journey': {
    action: 'events.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: Journey;
  };
  'POST events/{id}/correct': {
    action: 'events.correct';
    path: { id: string };
    query: Record<never, never>;
    body: {
      consumer: string;
      payload?: unknown | undefined;
      patch?:
        | Array<{
            op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
            path: string;
            from?: string | undefined;
            value?: unknown | undefined;
          }>
        | undefined;
      eventVersion?: number | undefined;
      reason: string;
    };
    answer: Correction;
  };
  'GET entities/{type}/{id}/timeline': {
    action: 'entities.read';
    path: { type: string; id: string };
    query: { limit?: number | undefined; after?: string | undefined; below?: number | undefined };
    body: undefined;
    answer: TimelinePage;
  };
  'GET entities/{type}/{id}/journey': {
    action: 'entities.read';
    path: { type: string; id: string };
    query: { below?: number | undefined };
    body: undefined;
    answer: Journey;
  };
  'GET entities/{type}/{id}/graph': {
    action: 'entities.read';
    path: { type: string; id: string };
    query: { module: string; depth?: number | undefined };
    body: undefined;
    answer: LinkGraph;
  };
  'GET dead-letters': {
    action: 'dead-letters.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      consumer?: string | undefined;
      eventName?: string | undefined;
      aggregateType?: string | undefined;
      aggregateId?: string | undefined;
      event?: string | undefined;
      position?: number | undefined;
      fingerprint?: string | undefined;
    };
    body: undefined;
    answer: DeadLetterPage;
  };
  'GET dead-letters/groups': {
    action: 'dead-letters.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      consumer?: string | undefined;
      error?: string | undefined;
      order?: 'name' | 'size' | 'latest' | undefined;
    };
    body: undefined;
    answer: FailureGroupPage;
  };
  'GET dead-letters/groups/{fingerprint}': {
    action: 'dead-letters.read';
    path: { fingerprint: string };
    query: { limit?: number | undefined; after?: string | undefined; consumer: string };
    body: undefined;
    answer: GroupedDeadLetterPage;
  };
  'PATCH dead-letters/groups/{fingerprint}': {
    action: 'dead-letters.note';
    path: { fingerprint: string };
    query: { consumer: string };
    body: {
      note?: string | undefined;
      removeNote?: boolean | undefined;
      acknowledged?: boolean | undefined;
      reason?: string | undefined;
    };
    answer: Done;
  };
  'GET events/{id}/rehearsal': {
    action: 'dead-letters.read';
    path: { id: string };
    query: { consumer: string };
    body: undefined;
    answer: RehearsalOutlook;
  };
  'POST events/{id}/rehearsals': {
    action: 'dead-letters.rehearse';
    path: { id: string };
    query: Record<never, never>;
    body: { consumer: string; reason?: string | undefined };
    answer: Rehearsal;
  };
  'GET events/{id}/rehearsals/{rehearsal}': {
    action: 'dead-letters.read';
    path: { id: string; rehearsal: string };
    query: Record<never, never>;
    body: undefined;
    answer: Rehearsal;
  };
  'GET operations': {
    action: 'operations.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      state?: 'planned' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed' | undefined;
      kind?: string | undefined;
      consumer?: string | undefined;
      order?: 'latest' | 'oldest' | undefined;
    };
    body: undefined;
    answer: OperationPage;
  };
  'POST operations': {
    action: 'operations.plan';
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      kind: 'redrive' | 'discard' | 'replay';
      consumer?: string | undefined;
      eventName?: string | undefined;
      aggregateType?: string | undefined;
      aggregateId?: string | undefined;
      event?: string | undefined;
      position?: number | undefined;
      fingerprint?: string | undefined;
      events?: Array<string> | undefined;
      eventNames?: Array<string> | undefined;
      since?: string | undefined;
      until?: string | undefined;
      from?: number | undefined;
      to?: number | undefined;
      maxEvents?: number | undefined;
      rate?: number | undefined;
      stopAfter?: number | undefined;
      stopAbovePercent?: number | undefined;
      reason?: string | undefined;
    };
    answer: Operation;
  };
  'POST operations/count': {
    action: 'operations.plan';
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      kind: 'redrive' | 'discard' | 'replay';
      consumer?: string | undefined;
      eventName?: string | undefined;
      aggregateType?: string | undefined;
      aggregateId?: string | undefined;
      event?: string | undefined;
      position?: number | undefined;
      fingerprint?: string | undefined;
      events?: Array<string> | undefined;
      eventNames?: Array<string> | undefined;
      since?: string | undefined;
      until?: string | undefined;
      from?: number | undefined;
      to?: number | undefined;
      maxEvents?: number | undefined;
      rate?: number | undefined;
      stopAfter?: number | undefined;
      stopAbovePercent?: number | undefined;
      reason?: string | undefined;
    };
    answer: OperationCount;
  };
  'GET operations/{id}': {
    action: 'operations.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: OperationWithVerdict;
  };
  'POST operations/{id}/run': {
    action: 'operations.run';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Operation;
  };
  'POST operations/{id}/pause': {
    action: 'operations.pause';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Operation;
  };
  'POST operations/{id}/resume': {
    action: 'operations.resume';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Operation;
  };
  'POST operations/{id}/rate': {
    action: 'operations.rate';
    path: { id: string };
    query: Record<never, never>;
    body: { rate?: number | undefined; reason?: string | undefined };
    answer: Operation;
  };
  'POST operations/{id}/cancel': {
    action: 'operations.cancel';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Operation;
  };
  'GET settings': {
    action: 'settings.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Settings;
  };
  'PATCH settings': {
    action: 'settings.change';
    path: Record<never, never>;
    query: Record<never, never>;
    body: { values: Record<string, boolean | number | string | null>; reason?: string | undefined };
    answer: Settings;
  };
  'POST settings/preview': {
    action: 'settings.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: { values: Record<string, boolean | number | string | null> };
    answer: SettingsPreview;
  };
  'GET settings/history': {
    action: 'settings.read';
    path: Record<never, never>;
    query: { limit?: number | undefined; after?: string | undefined; key?: string | undefined };
    body: undefined;
    answer: SettingHistoryPage;
  };
  'POST settings/restore': {
    action: 'settings.change';
    path: Record<never, never>;
    query: Record<never, never>;
    body: { changeId: number; reason?: string | undefined };
    answer: Setting;
  };
  'GET processes': {
    action: 'processes.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      text?: string | undefined;
      alive?: boolean | undefined;
    };
    body: undefined;
    answer: ProcessPage;
  };
  'GET doctor': {
    action: 'doctor.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Examination;
  };
  'GET audit': {
    action: 'audit.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      actor?: string | undefined;
      action?: string | undefined;
      target?: string | undefined;
      outcome?: 'done' | 'failed' | 'denied' | undefined;
      from?: string | undefined;
      to?: string | undefined;
    };
    body: undefined;
    answer: AuditPage;
  };
  'GET changes': {
    action: 'audit.read';
    path: Record<never, never>;
    query: {
      from?: string | undefined;
      to?: string | undefined;
      consumer?: string | undefined;
      limit?: number | undefined;
    };
    body: undefined;
    answer: ChangeHistory;
  };
  'GET webhooks/sources': {
    action: 'webhooks.read';
    path: Record<never, never>;
    query: { days?: number | undefined };
    body: undefined;
    answer: WebhookSources;
  };
  'GET webhooks/sources/{source}': {
    action: 'webhooks.read';
    path: { source: string };
    query: { days?: number | undefined };
    body: undefined;
    answer: WebhookSource;
  };
  'GET webhooks/refusals': {
    action: 'webhooks.read';
    path: Record<never, never>;
    query: { source?: string | undefined; limit?: number | undefined };
    body: undefined;
    answer: WebhookRefusals;
  };
  'GET webhooks/endpoints': {
    action: 'webhooks.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      source?: string | undefined;
      tenant?: string | undefined;
      status?: 'active' | 'paused' | undefined;
    };
    body: undefined;
    answer: WebhookEndpointPage;
  };
  'GET webhooks/endpoints/{id}': {
    action: 'webhooks.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: WebhookEndpoint;
  };
  'POST webhooks/endpoints/{id}/pause': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookEndpoint;
  };
  'POST webhooks/endpoints/{id}/resume': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookEndpoint;
  };
  'GET webhooks/destinations': {
    action: 'webhooks.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      tenant?: string | undefined;
      status?: 'active' | 'paused' | 'disabled' | undefined;
    };
    body: undefined;
    answer: WebhookDestinationPage;
  };
  'POST webhooks/destinations': {
    action: 'webhooks.change';
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      tenant: string;
      url: string;
      eventTypes: Array<string>;
      signing?: 'v1' | 'v1a' | undefined;
      secret?: string | undefined;
      order?: 'none' | 'entity' | 'strict' | undefined;
      ratePerSecond?: number | undefined;
      maxInFlight?: number | undefined;
      timeoutMs?: number | undefined;
      reason?: string | undefined;
    };
    answer: CreatedWebhookDestination;
  };
  'GET webhooks/event-types': {
    action: 'webhooks.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: WebhookEventTypes;
  };
  'GET webhooks/destinations/{id}': {
    action: 'webhooks.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: WebhookDestination;
  };
  'PATCH webhooks/destinations/{id}': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: {
      url?: string | undefined;
      eventTypes?: Array<string> | undefined;
      order?: 'none' | 'entity' | 'strict' | undefined;
      ratePerSecond?: number | undefined;
      maxInFlight?: number | undefined;
      timeoutMs?: number | undefined;
      reason?: string | undefined;
    };
    answer: WebhookDestination;
  };
  'DELETE webhooks/destinations/{id}': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookDestination;
  };
  'POST webhooks/destinations/{id}/pause': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookDestination;
  };
  'POST webhooks/destinations/{id}/resume': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookDestination;
  };
  'POST webhooks/destinations/{id}/enable': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookDestination;
  };
  'POST webhooks/destinations/{id}/test': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { type?: string | undefined; reason?: string | undefined };
    answer: WebhookTestAttempt;
  };
  'GET webhooks/destinations/{id}/deliveries': {
    action: 'webhooks.read';
    path: { id: string };
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      status?: 'pending' | 'delivered' | 'dead' | 'cancelled' | undefined;
      type?: string | undefined;
    };
    body: undefined;
    answer: WebhookDeliveryPage;
  };
  'GET webhooks/destinations/{id}/deliveries/{position}': {
    action: 'webhooks.read';
    path: { id: string; position: number };
    query: Record<never, never>;
    body: undefined;
    answer: WebhookDelivery;
  };
  'POST webhooks/destinations/{id}/deliveries/{position}/redrive': {
    action: 'webhooks.change';
    path: { id: string; position: number };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: WebhookDelivery;
  };
  'POST webhooks/destinations/{id}/redrive/count': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { maxEvents?: number | undefined };
    answer: OperationCount;
  };
  'POST webhooks/destinations/{id}/redrive': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: { maxEvents?: number | undefined; rate?: number | undefined; reason?: string | undefined };
    answer: Operation;
  };
  'POST webhooks/destinations/{id}/replay/count': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: {
      since: string;
      until?: string | undefined;
      types?: Array<string> | undefined;
      maxEvents?: number | undefined;
    };
    answer: OperationCount;
  };
  'POST webhooks/destinations/{id}/replay': {
    action: 'webhooks.change';
    path: { id: string };
    query: Record<never, never>;
    body: {
      since: string;
      until?: string | undefined;
      types?: Array<string> | undefined;
      maxEvents?: number | undefined;
      rate?: number | undefined;
      reason?: string | undefined;
    };
    answer: Operation;
  };
  'GET relays': {
    action: 'relays.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Relays;
  };
  'GET calls': {
    action: 'calls.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      type?: string | undefined;
      status?: 'requested' | 'processing' | 'completed' | 'failed' | 'canceled' | undefined;
      tenant?: string | undefined;
      group?: string | undefined;
      subjectType?: string | undefined;
      subjectId?: string | undefined;
      outcomeUnknown?: boolean | undefined;
    };
    body: undefined;
    answer: CallPage;
  };
  'GET calls/counts': {
    action: 'calls.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: CallCounts;
  };
  'GET calls/{id}': {
    action: 'calls.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: ExternalCall;
  };
  'GET calls/{id}/timeline': {
    action: 'calls.read';
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    answer: CallTimeline;
  };
  'POST calls/{id}/check': {
    action: 'calls.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: ExternalCall;
  };
  'POST calls/{id}/retry': {
    action: 'calls.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: ExternalCall;
  };
  'POST calls/{id}/cancel': {
    action: 'calls.change';
    path: { id: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: ExternalCall;
  };
  'GET sagas': {
    action: 'sagas.read';
    path: Record<never, never>;
    query: {
      limit?: number | undefined;
      after?: string | undefined;
      saga?: string | undefined;
      status?: 'active' | 'completed' | 'undone' | 'canceled' | undefined;
      step?: string | undefined;
      tenant?: string | undefined;
      stuck?: boolean | undefined;
    };
    body: undefined;
    answer: SagaPage;
  };
  'GET sagas/steps': {
    action: 'sagas.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: SagaSteps;
  };
  'GET sagas/transitions': {
    action: 'sagas.read';
    path: Record<never, never>;
    query: { saga: string };
    body: undefined;
    answer: SagaTransitions;
  };
  'GET sagas/{saga}/{key}': {
    action: 'sagas.read';
    path: { saga: string; key: string };
    query: Record<never, never>;
    body: undefined;
    answer: Saga;
  };
  'GET sagas/{saga}/{key}/history': {
    action: 'sagas.read';
    path: { saga: string; key: string };
    query: Record<never, never>;
    body: undefined;
    answer: SagaHistory;
  };
  'POST sagas/{saga}/{key}/retry': {
    action: 'sagas.change';
    path: { saga: string; key: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: RetriedSaga;
  };
  'POST sagas/{saga}/{key}/end': {
    action: 'sagas.change';
    path: { saga: string; key: string };
    query: Record<never, never>;
    body: { outcome: 'completed' | 'undone' | 'canceled'; reason?: string | undefined };
    answer: Saga;
  };
  'GET schedules': {
    action: 'schedules.read';
    path: Record<never, never>;
    query: { limit?: number | undefined; after?: string | undefined };
    body: undefined;
    answer: SchedulePage;
  };
  'GET schedules/{schedule}': {
    action: 'schedules.read';
    path: { schedule: string };
    query: Record<never, never>;
    body: undefined;
    answer: Schedule;
  };
  'GET schedules/{schedule}/preview': {
    action: 'schedules.read';
    path: { schedule: string };
    query: { from?: string | undefined; count?: number | undefined };
    body: undefined;
    answer: SchedulePreview;
  };
  'GET schedules/{schedule}/runs': {
    action: 'schedules.read';
    path: { schedule: string };
    query: { count?: number | undefined };
    body: undefined;
    answer: ScheduleRuns;
  };
  'POST schedules/{schedule}/pause': {
    action: 'schedules.change';
    path: { schedule: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Schedule;
  };
  'POST schedules/{schedule}/resume': {
    action: 'schedules.change';
    path: { schedule: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: Schedule;
  };
  'POST schedules/{schedule}/trigger': {
    action: 'schedules.change';
    path: { schedule: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: TriggeredSchedule;
  };
  'POST schedules/{schedule}/remove': {
    action: 'schedules.change';
    path: { schedule: string };
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: RemovedSchedule;
  };
  'GET contracts': {
    action: 'contracts.read';
    path: Record<never, never>;
    query: { limit?: number | undefined; after?: string | undefined };
    body: undefined;
    answer: ContractPage;
  };
  'GET contracts/{name}': {
    action: 'contracts.read';
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    answer: ContractWithSchemas;
  };
  'GET secrets': {
    action: 'secrets.read';
    path: Record<never, never>;
    query: { limit?: number | undefined; after?: string | undefined; tenant?: string | undefined };
    body: undefined;
    answer: SecretPage;
  };
  'GET keys': {
    action: 'secrets.read';
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: SecretKeys;
  };
  'POST keys/rotate': {
    action: 'secrets.rotate';
    path: Record<never, never>;
    query: Record<never, never>;
    body: { reason?: string | undefined };
    answer: KeysRotated;
  };
  'POST keys/reseal': {
    action: 'secrets.rotate';
    path: Record<never, never>;
    query: Record<never, never>;
    body: { tenant?: string | undefined; reason?: string | undefined };
    answer: Resealed;
  };
}
