import { Injectable } from '@nestjs/common';
import { DoctorService } from '../../maintenance/doctor.js';
import { Examination } from '../answers/doctor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  examine: route({
    method: 'GET',
    path: 'doctor',
    action: 'doctor.read',
    about:
      'Examines the database, and says what is wrong, what it leads to and what to do. It changes nothing.',
    answer: Examination,
  }),
};

@Injectable()
export class DoctorHandlers implements Answering<typeof ROUTES, DoctorHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly doctor: DoctorService) {}

  examine(_: Call<typeof ROUTES.examine>) {
    return this.doctor.examine();
  }
}
