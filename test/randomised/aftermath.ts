import type pg from 'pg'
import type { Lifeguard } from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Model } from './model.ts'
import type { ExpectedRows } from './server-session.ts'
import { until, within } from './waiting.ts'

/** A pool, with the list of its clients that node-postgres keeps to itself. */
export type OpenPool = pg.Pool & { readonly _clients: readonly pg.Client[] }

/** The tables that runs write to, empty. */
export async function prepareTables(database: TestDatabase): Promise<void> {
  await untilNoSessionIsLeft(database)
  await database.query(`
    SELECT pg_advisory_unlock_all();
    CREATE TABLE IF NOT EXISTS tagged (tag text PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS parents (id int PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS orphans (
      tag text, parent int REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE IF NOT EXISTS gated (gate int);
    CREATE TABLE IF NOT EXISTS slow (millis int);
    CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock(NEW.gate); RETURN NULL; END';
    CREATE OR REPLACE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(NEW.millis / 1000.0); RETURN NULL; END';
    DROP TRIGGER IF EXISTS gate ON gated;
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON gated
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
    DROP TRIGGER IF EXISTS time ON slow;
    CREATE CONSTRAINT TRIGGER time AFTER INSERT ON slow
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time();
    TRUNCATE tagged, orphans, parents, gated, slow`)
}

/** Collects what would end the process of a program: errors that nobody catches. */
export function collectCrashes(): { throwFirst(): void; [Symbol.dispose](): void } {
  const crashes: unknown[] = []
  const onCrash = (reason: unknown) => crashes.push(reason)
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', onCrash)
  return {
    throwFirst() {
      if (crashes.length > 0)
        throw new Error(`the process would have ended: ${crashes[0]}`, { cause: crashes[0] })
    },
    [Symbol.dispose]() {
      process.off('uncaughtException', onCrash)
      process.off('unhandledRejection', onCrash)
    },
  }
}

export async function checkRows(database: TestDatabase, { certain, possible }: ExpectedRows): Promise<void> {
  const { rows } = await database.query<{ tag: string }>('SELECT tag FROM tagged')
  const found = new Set(rows.map(({ tag }) => tag))
  const missing = [...certain].filter((tag) => !found.has(tag) && !possible.has(tag))
  const surplus = [...found].filter((tag) => !certain.has(tag) && !possible.has(tag))
  if (missing.length > 0) throw new Error(`rows were lost: ${missing}`)
  if (surplus.length > 0) throw new Error(`rows persist that must not: ${surplus}`)
}

/** No other session than these is left in a transaction. */
export async function checkIdleInTransaction(
  database: TestDatabase,
  clients: readonly pg.Client[],
): Promise<void> {
  const expected = clients.map(serverPid)
  // A client that was closed takes a moment to disappear from the server.
  await eventually(async () => {
    const found = (await database.sessions())
      .filter(({ state }) => state?.startsWith('idle in transaction'))
      .map(({ pid }) => pid)
    if (found.sort().join() !== expected.sort().join()) {
      throw new Error(`sessions ${found} are idle in transaction, expected ${expected}`)
    }
  })
}

export async function untilPoolIsWhole(pool: OpenPool): Promise<void> {
  await until(
    () => pool.totalCount === pool.idleCount && pool.waitingCount === 0,
    () =>
      `the pool is whole: ${pool.totalCount} in total, ${pool.idleCount} idle, ${pool.waitingCount} waiting`,
  )
}

/** The client answers as if nothing had ever happened to it. */
export async function checkClient(client: pg.ClientBase): Promise<void> {
  await within(client.query('ROLLBACK'), 'every client answers')
  const { rows } = await within(client.query<{ one: number }>('SELECT 1 AS one'), 'every client answers')
  if (rows[0]?.one !== 1) throw new Error(`SELECT 1 was answered with ${JSON.stringify(rows)}`)
}

/** After `unwatch` nothing of the guard is left on the pool and its clients. */
export function checkRestored(pool: OpenPool): void {
  const left = ['connect', 'query', 'end'].filter((name) => Object.hasOwn(pool, name))
  for (const client of pool._clients) {
    if (Object.hasOwn(client, 'query')) left.push('client.query')
    const { connection } = client as unknown as { connection: { listenerCount(name: string): number } }
    for (const event of ['readyForQuery', 'errorMessage']) {
      if (connection.listenerCount(event) !== 1) left.push(`a listener for ${event}`)
    }
  }
  if (left.length > 0) throw new Error(`unwatch leaves ${left} behind`)
}

export async function untilNoSessionIsLeft(database: TestDatabase): Promise<void> {
  await eventually(async () => {
    const left = await database.sessions()
    if (left.length > 0) throw new Error(`sessions are left: ${left.map(({ query }) => query)}`)
  })
}

/** After a failure: ends what it has left in the database, so that the next run has it for itself. */
export async function cleanUp(database: TestDatabase, clients: readonly pg.Client[]): Promise<void> {
  for (const client of clients) client.on('error', () => {})
  for (const { pid } of await database.sessions()) await database.terminate(pid)
}

/** Takes a client off the network, in whatever state it is. */
export function closeForGood(client: pg.Client): void {
  client.on('error', () => {})
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

/** The server's process for a client, also in the types of a version that does not tell. */
export function serverPid(client: pg.ClientBase): number {
  return (client as unknown as { processID: number }).processID
}

/** The snapshot counts those who hold a client. */
export function compareSnapshot({ guard, owners }: Model, lifeguard: Lifeguard): void {
  const [pool] = lifeguard.snapshot().pools
  if (guard === 0 || pool === undefined) return
  const out = owners.filter(({ phase, watched }) => phase === 'holding' && watched)
  if (pool.out !== out.length) {
    throw new Error(`the snapshot counts ${pool.out} checkouts, there are ${out.map(({ name }) => name)}`)
  }
}
