import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const sources: PageLoader = async () => (await import('./sources.tsx')).SourcesPage;
const source: PageLoader = async () => (await import('./source.tsx')).SourcePage;
const endpoints: PageLoader = async () => (await import('./endpoints.tsx')).EndpointsPage;
const endpoint: PageLoader = async () => (await import('./endpoint.tsx')).EndpointPage;

export const group: SectionGroup = {
  part: 'webhooks',
  title: 'Webhooks',
  sections: [
    { key: 'webhooks', title: 'Sources', needs: 'webhooks.read', pageFor: paged(sources, source) },
    {
      key: 'webhook-endpoints',
      title: 'Endpoints',
      needs: 'webhooks.read',
      pageFor: paged(endpoints, endpoint),
    },
  ],
};
