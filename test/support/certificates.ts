import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** The authority that has signed `signed`. Nobody trusts it unless told to. */
  readonly authority: Certificate;
  /** For `hooks.example` and 127.0.0.1. */
  readonly signed: Certificate;
  /** For the same names, signed by itself. */
  readonly selfSigned: Certificate;
}

const NAMES = 'subjectAltName=DNS:hooks.example,IP:127.0.0.1';

/** Certificates for two days, made by OpenSSL. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-certificates-'));
  try {
    const at = (name: string) => join(folder, name);
    const made = (name: string) => ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const own = ['req', '-x509', ...fresh, '-days', '2'];
    await run('openssl', [...own, '-subj', '/CN=An authority of tests', ...made('authority')]);
    await run('openssl', [...own, '-subj', '/CN=hooks.example', '-addext', NAMES, ...made('selfSigned')]);
    await run('openssl', ['req', ...fresh, '-subj', '/CN=hooks.example', ...made('signed')]);
    await writeFile(at('names'), NAMES);
    const by = ['-CA', at('authority.crt'), '-CAkey', at('authority.key'), '-CAcreateserial'];
    const signed = ['-in', at('signed.crt'), '-out', at('signed.crt'), '-extfile', at('names'), '-days', '2'];
    await run('openssl', ['x509', '-req', ...by, ...signed]);
    const read = async (name: string): Promise<Certificate> => ({
      cert: await readFile(at(`${name}.crt`), 'utf8'),
      key: await readFile(at(`${name}.key`), 'utf8'),
    });
    return {
      authority: await read('authority'),
      signed: await read('signed'),
      selfSigned: await read('selfSigned'),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
