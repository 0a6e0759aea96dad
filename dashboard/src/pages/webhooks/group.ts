import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const sources: PageLoader = async () => (await import('./sources.tsx')).SourcesPage;
const source: PageLoader = async () => (await import('./source.tsx')).SourcePage;
const endpoints: PageLoader = async () => (await import('./endpoints.tsx')).EndpointsPage;
const endpoint: PageLoader = async () => (await import('./endpoint.tsx')).EndpointPage;
const destinations: PageLoader = async () => (await import('./destinations.tsx')).DestinationsPage;
const destination: PageLoader = async () => (await import('./destination.tsx')).DestinationPage;
const delivery: PageLoader = async () => (await import('./delivery.tsx')).DeliveryPage;

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
    {
      key: 'webhook-destinations',
      title: 'Destinations',
      needs: 'webhooks.read',
      pageFor: (rest) => (rest.length === 2 ? delivery : paged(destinations, destination)(rest)),
    },
  ],
};
