import { Module } from '@nestjs/common';
import { NotificationsSubscriber } from './notifications.subscriber.js';
import { ReceiverClient } from './receiver.client.js';

@Module({ providers: [ReceiverClient, NotificationsSubscriber] })
export class NotificationsModule {}
