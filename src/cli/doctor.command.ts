import { IntegrationError } from '../errors.js';
import { DoctorService } from '../maintenance/doctor.js';
import { type Examination, type Finding, findingOf } from '../maintenance/finding.js';
import { doctorAdditionsOf } from '../module/extension.js';
import type { Command, CommandContext } from './command.js';
import { WATCH_OPTION } from './watch.js';

/** The meaning of a connection that the engine cannot use, and what to do. */
const CONNECTION_TEXTS: Readonly<Record<string, { meaning: string; fix: string }>> = {
  INTEGRATION_DATABASE_UNREACHABLE: {
    meaning: 'No application can publish or handle with this URL.',
    fix: 'Start the server, or correct DATABASE_URL.',
  },
  INTEGRATION_DATABASE_LOGIN_REFUSED: {
    meaning: 'No application can publish or handle with this URL.',
    fix: 'Correct user and password in DATABASE_URL, or let the server accept them.',
  },
  INTEGRATION_DATABASE_UNKNOWN: {
    meaning: 'No application can publish or handle with this URL.',
    fix: 'Correct the name of the database in DATABASE_URL, or create the database.',
  },
  INTEGRATION_DATABASE_POOLED: {
    meaning: 'Applications refuse to boot with this URL as connectionString.',
    fix: 'Give a direct URL as connectionString, and as DATABASE_URL here; your own client may go on using the pooler.',
  },
  INTEGRATION_DATABASE_READ_ONLY: {
    meaning: 'Nothing can be published or settled where sessions only read.',
    fix: 'Point the URL at the primary, or take the setting away as the finding says.',
  },
  INTEGRATION_DATABASE_UNSUPPORTED: {
    meaning: 'Applications refuse to boot with this server.',
    fix: 'Upgrade Postgres to 14 or newer.',
  },
};

/** Looks for problems and says what to do about them. */
export const doctorCommand: Command = {
  name: 'doctor',
  parameters: [],
  options: WATCH_OPTION,
  summary: 'check everything that delivery rests on; print what is wrong, what it means and what to do',
  run: async (context) => {
    const examination = await examine(context);
    return {
      ok: examination.findings.length === 0,
      data: { ...examination },
      text: [...examination.findings.map(describe), summarise(examination)].join('\n\n'),
    };
  },
};

async function examine({
  withDatabase,
  environment,
  schema,
  extensions,
}: CommandContext): Promise<Examination> {
  try {
    return await withDatabase((db) =>
      new DoctorService(db, { environment, thorough: true, added: doctorAdditionsOf(extensions) }).examine(),
    );
  } catch (error) {
    const texts = error instanceof IntegrationError ? CONNECTION_TEXTS[error.code] : undefined;
    if (!(error instanceof IntegrationError) || texts === undefined) throw error;
    const details = { code: error.code, ...error.details };
    const found = { finding: error.message, ...texts, details };
    const check = { name: 'connection', severity: 'critical', run: async () => [found] } as const;
    const findings = [findingOf(check, found)];
    return { schema, at: new Date(), findings, checked: [check.name], notChecked: [] };
  }
}

function describe({ check, severity, since, finding, meaning, fix }: Finding, index: number): string {
  return [
    `${index + 1}. ${finding} [${check}, ${severity}]`,
    ...(since === null ? [] : [`   Since: ${since.toISOString()}`]),
    `   Meaning: ${meaning}`,
    `   Fix: ${fix}`,
  ].join('\n');
}

function summarise({ findings, checked, notChecked }: Examination): string {
  const found =
    findings.length === 0
      ? 'nothing is wrong'
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return [
    `${checked.length} checks made: ${found}.`,
    ...notChecked.map(({ check, reason }) => `Not checked: ${check}, ${reason}.`),
  ].join('\n');
}
