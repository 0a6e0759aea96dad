import { type PageLoader, type SectionGroup } from '../../section.ts';

const sagas: PageLoader = async () => (await import('./sagas.tsx')).SagasPage;
const saga: PageLoader = async () => (await import('./saga.tsx')).SagaPage;

export const group: SectionGroup = {
  part: 'sagas',
  title: 'Conversations',
  sections: [
    {
      key: 'sagas',
      title: 'Sagas',
      needs: 'sagas.read',
      pageFor: (rest) => (rest.length === 0 ? sagas : rest.length === 2 ? saga : undefined),
    },
  ],
};
