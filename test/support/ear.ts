import pg from 'pg';
import { Recorder } from './recorder.js';

interface Message {
  readonly text: string;
  readonly place: number;
}

/** Hears what processes tell each other of the outbox. */
export class Ear {
  readonly heard = new Recorder<Message>();

  static async open(url: string): Promise<Ear> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const ear = new Ear(client);
    await client.query('LISTEN integration_outbox');
    return ear;
  }

  private constructor(private readonly client: pg.Client) {
    client.on('notification', ({ payload = '' }) => this.heard.record({ text: payload, place: this.count }));
  }

  get count(): number {
    return this.heard.all.length;
  }

  /** The next message that ends so. */
  next(end: string): Promise<Message> {
    const from = this.count;
    return this.heard.find(({ text, place }) => place >= from && text.endsWith(end));
  }

  /** All that was said before has been heard then. */
  async close(): Promise<void> {
    await this.client.query('SELECT 1');
    await this.client.end();
  }
}
