import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const schedules: PageLoader = async () => (await import('./schedules.tsx')).SchedulesPage;
const schedule: PageLoader = async () => (await import('./schedule.tsx')).SchedulePage;

export const group: SectionGroup = {
  part: 'schedules',
  title: 'Times',
  sections: [
    {
      key: 'schedules',
      title: 'Schedules',
      needs: 'schedules.read',
      pageFor: paged(schedules, schedule),
    },
  ],
};
