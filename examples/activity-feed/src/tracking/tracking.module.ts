import { Module } from '@nestjs/common';
import { TrackingService } from './tracking.service.js';

@Module({ providers: [TrackingService] })
export class TrackingModule {}
