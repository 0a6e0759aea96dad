import { type PageLoader, paged, type Section, type SectionGroup, WALL } from './section.ts';

const overview: PageLoader = async () => (await import('./pages/overview.tsx')).OverviewPage;
const consumers: PageLoader = async () => (await import('./pages/consumers.tsx')).ConsumersPage;
const consumer: PageLoader = async () => (await import('./pages/consumer.tsx')).ConsumerPage;
const deadLetters: PageLoader = async () => (await import('./pages/dead-letters.tsx')).DeadLettersPage;
const failureGroup: PageLoader = async () => (await import('./pages/failure-group.tsx')).FailureGroupPage;
const events: PageLoader = async () => (await import('./pages/events.tsx')).EventsPage;
const event: PageLoader = async () => (await import('./pages/event.tsx')).EventPage;
const entity: PageLoader = async () => (await import('./pages/entity.tsx')).EntityPage;
const position: PageLoader = async () => (await import('./pages/position.tsx')).PositionPage;
const eventJourney: PageLoader = async () => (await import('./pages/journey.tsx')).EventJourneyPage;
const entityJourney: PageLoader = async () => (await import('./pages/journey.tsx')).EntityJourneyPage;
const flow: PageLoader = async () => (await import('./pages/flow.tsx')).FlowPage;
const operations: PageLoader = async () => (await import('./pages/operations.tsx')).OperationsPage;
const operation: PageLoader = async () => (await import('./pages/operation.tsx')).OperationPage;
const settings: PageLoader = async () => (await import('./pages/settings.tsx')).SettingsPage;
const audit: PageLoader = async () => (await import('./pages/audit.tsx')).AuditPage;
const processes: PageLoader = async () => (await import('./pages/processes.tsx')).ProcessesPage;
const doctor: PageLoader = async () => (await import('./pages/doctor.tsx')).DoctorPage;

const incident: PageLoader = async () => (await import('./pages/incident.tsx')).IncidentPage;

/** Below an event and an entity stands its journey. */
const isJourney = (rest: readonly string[], length: number) =>
  rest.length === length && rest.at(-1) === 'journey';
const heat: PageLoader = async () => (await import('./pages/heat.tsx')).HeatPage;

/** The groups of the engine's pages. */
const OWN_GROUPS: readonly SectionGroup[] = [
  {
    title: 'Delivery',
    sections: [
      { key: 'overview', title: 'Overview', needs: 'overview.read', pageFor: paged(overview) },
      { key: 'consumers', title: 'Consumers', needs: 'consumers.read', pageFor: paged(consumers, consumer) },
      {
        key: 'dead-letters',
        title: 'Dead letters',
        needs: 'dead-letters.read',
        pageFor: (rest) => (rest.length === 0 ? deadLetters : rest.length === 2 ? failureGroup : undefined),
      },
      {
        key: 'events',
        title: 'Events',
        needs: 'events.read',
        pageFor: (rest) => (isJourney(rest, 2) ? eventJourney : paged(events, event)(rest)),
      },
      { key: 'flow', title: 'Flow', needs: 'consumers.read', pageFor: paged(flow) },
    ],
  },
  {
    title: 'Changes',
    sections: [
      {
        key: 'operations',
        title: 'Operations',
        needs: 'operations.read',
        pageFor: paged(operations, operation),
      },
      { key: 'settings', title: 'Settings', needs: 'settings.read', pageFor: paged(settings) },
      { key: 'audit', title: 'Audit', needs: 'audit.read', pageFor: paged(audit) },
    ],
  },
  {
    title: 'Engine',
    sections: [
      { key: 'processes', title: 'Processes', needs: 'processes.read', pageFor: paged(processes) },
      { key: 'doctor', title: 'Doctor', needs: 'doctor.read', pageFor: paged(doctor) },
    ],
  },
];

/** Pages that are reached by links and by the search box only. */
const OTHERS: readonly Section[] = [
  // The shell shows it without menus.
  { key: WALL, title: 'Wall', needs: 'overview.read', pageFor: paged(overview) },
  { key: 'incident', title: 'Incident', needs: 'audit.read', pageFor: paged(incident) },
  { key: 'heat', title: 'Latency and failures', needs: 'consumers.read', pageFor: paged(heat) },
  {
    key: 'entities',
    title: 'Entity',
    needs: 'entities.read',
    pageFor: (rest) => (isJourney(rest, 3) ? entityJourney : rest.length === 2 ? entity : undefined),
  },
  {
    key: 'positions',
    title: 'Position',
    needs: 'events.read',
    pageFor: (rest) => (rest.length === 1 ? position : undefined),
  },
];

/** The groups of the parts of the package. Each part has a folder of pages, with its group in `group.ts`. */
const GROUPS_OF_PARTS = Object.values(
  import.meta.glob<SectionGroup>('./pages/*/group.ts', { eager: true, import: 'group' }),
);

/** The groups that an application has which has these parts, as its session names them. Parts may share one. */
export function groupsOf(parts: readonly string[]): readonly SectionGroup[] {
  const there = GROUPS_OF_PARTS.filter(({ part }) => part !== undefined && parts.includes(part));
  const ofParts = there.flatMap((group) => {
    const alike = there.filter(({ title }) => title === group.title);
    return group === alike[0] ? { ...group, sections: alike.flatMap(({ sections }) => sections) } : [];
  });
  return [...OWN_GROUPS, ...ofParts];
}

/** The section at a place, if the application has it. */
export function sectionOf(key: string, parts: readonly string[]): Section | undefined {
  return [...groupsOf(parts).flatMap(({ sections }) => sections), ...OTHERS].find((each) => each.key === key);
}
