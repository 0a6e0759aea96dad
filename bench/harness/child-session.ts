import { benchEventChunks } from '../systems/bench-event.js';
import type { MeasuredSystem, SystemOptions } from '../systems/measured-system.js';
import { systemEntry } from '../systems/systems.js';
import type { AnswerOf, ChildCommands, CommandName, RequestOf } from './child-protocol.js';
import { comparePublish, countCommits } from './compare-publish.js';
import { drain } from './drain.js';
import { monotonicMs } from './monotonic-clock.js';
import { publishAll, publishPaced } from './publish-load.js';
import { TimeLog } from './time-log.js';
import { untilTrue } from './until-true.js';

const FILL_CHUNK = 2_000;

type Answering = { [C in CommandName]: (request: RequestOf<C>) => Promise<AnswerOf<C>> };

/** The child's side of every command. */
export class ChildSession implements Answering {
  private opened: { system: MeasuredSystem; options: SystemOptions } | undefined;
  private log = new TimeLog();
  private handled = 0;
  private stop: (() => Promise<void>) | undefined;

  async open({ system, options }: RequestOf<'open'>): Promise<void> {
    this.opened = { system: await systemEntry(system).open(options), options };
  }

  install(): Promise<void> {
    return this.system.install();
  }

  fill({ from, count, payloadBytes }: RequestOf<'fill'>): Promise<void> {
    const size = payloadBytes !== undefined && payloadBytes > 10_000 ? 20 : FILL_CHUNK;
    return this.system.fill(benchEventChunks(from, count, size, payloadBytes));
  }

  drain(request: RequestOf<'drain'>): Promise<AnswerOf<'drain'>> {
    return drain(this.system, request);
  }

  async startConsuming(): Promise<void> {
    this.log = new TimeLog();
    this.handled = 0;
    this.stop = await this.system.consume((_consumer, n) => {
      this.handled++;
      this.log.add(n, monotonicMs());
    });
  }

  async handledUntil({ expected, limitMs }: RequestOf<'handledUntil'>): Promise<Float64Array> {
    await untilTrue(() => this.handled >= expected, limitMs);
    return this.log.entries();
  }

  untilSettled({ limitMs }: RequestOf<'untilSettled'>): Promise<boolean> {
    return untilTrue(() => this.system.isSettled(), limitMs);
  }

  async stopConsuming(): Promise<void> {
    await this.stop?.();
    this.stop = undefined;
  }

  publishPaced(request: RequestOf<'publishPaced'>): Promise<Float64Array> {
    return publishPaced(this.system, request);
  }

  publishAll(request: RequestOf<'publishAll'>): Promise<void> {
    return publishAll(this.system, request);
  }

  comparePublish(request: RequestOf<'comparePublish'>): Promise<AnswerOf<'comparePublish'>> {
    return comparePublish(this.system, this.options, request);
  }

  countCommits(request: RequestOf<'countCommits'>): Promise<AnswerOf<'countCommits'>> {
    return countCommits(this.system, this.options, request);
  }

  async usage(): Promise<ReturnType<ChildCommands['usage']>> {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1e3, residentBytes: process.memoryUsage.rss() };
  }

  async close(): Promise<void> {
    await this.stopConsuming();
    await this.opened?.system.close();
    this.opened = undefined;
  }

  private get system(): MeasuredSystem {
    if (this.opened === undefined) throw new Error('no system is open in this process');
    return this.opened.system;
  }

  private get options(): SystemOptions {
    if (this.opened === undefined) throw new Error('no system is open in this process');
    return this.opened.options;
  }
}
