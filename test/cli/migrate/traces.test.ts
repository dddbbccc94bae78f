import { describe, expect, it } from 'vitest'
import { openSession } from '../../postgres/sessions.ts'
import { eventually } from '../../support/eventually.ts'
import { exitCode } from '../command-line.ts'
import { alter, forgetTransaction, migrate, tool, useDatasets, waiter } from './migrations.ts'

const db = useDatasets()
const short = ['--lock-timeout', '2s']

describe('an index that is built concurrently', () => {
  it('waits for older transactions, and that nobody queues behind it is said', async () => {
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; INSERT INTO datasets VALUES (1)')
    const command = tool('SET lock_timeout = 0', 'CREATE INDEX CONCURRENTLY datasets_id ON datasets (id)')
    const run = migrate(db, ['--lock-timeout', '100ms'], command)
    await run.printed('No session queues behind this wait')
    // From here, the lock timeout would have ended it by now.
    const pid = await waiter(db, 'CREATE INDEX CONCURRENTLY')
    await eventually(async () => {
      const { rows } = await db.query(
        "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted AND clock_timestamp() > waitstart + '1500 ms'",
        [pid],
      )
      expect(rows).toHaveLength(1)
    })
    await idle.run('COMMIT')
    expect((await run.ended).code, run.err()).toBe(0)
    expect(run.err()).not.toContain('cancels')
  })

  it('is named also when the command passes over one that was left behind before', async () => {
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; INSERT INTO datasets VALUES (1)')
    const other = await openSession(db, 'other', { lock_timeout: 100 })
    await expect(other.run('CREATE INDEX CONCURRENTLY datasets_id ON datasets (id)')).rejects.toThrow()
    await idle.run('COMMIT')
    const again = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS datasets_id ON datasets (id)'
    const run = migrate(db, [], tool(again))
    expect((await run.ended).code).toBe(0)
    expect(run.err()).toContain(
      'index public.datasets_id on datasets was invalid before the command: it serves no query, and CREATE INDEX IF NOT EXISTS does not rebuild it\n' +
        '  to rebuild it, first: DROP INDEX CONCURRENTLY public.datasets_id;',
    )
  })

  it('is named when it is left behind invalid, and there is no retry', async () => {
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; INSERT INTO datasets VALUES (1)')
    const command = tool('CREATE INDEX CONCURRENTLY datasets_id ON datasets (id)')
    const run = migrate(db, ['--lock-timeout', '1s'], command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain(
      'index public.datasets_id on datasets was left invalid: it slows down writes and serves no query\n' +
        '  before you run the command again: DROP INDEX CONCURRENTLY public.datasets_id;',
    )
    expect(run.err()).not.toContain('tries again')
    await idle.run('ROLLBACK')
  })
})

describe('a command that would fail again', () => {
  it('is not run again after it has committed a change that no tool has recorded', async () => {
    await db.query('DROP TABLE IF EXISTS signatures')
    const idle = await forgetTransaction(db)
    const run = migrate(db, short, tool('CREATE TABLE signatures (id int)', alter))
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('the schema has changed since the command began, in public.signatures')
    expect(run.err()).toContain('gave up because of locks, after 1 attempt')
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
  })

  it('is run again if a migration tool has recorded what is done', async () => {
    await db.query(
      'DROP TABLE IF EXISTS signatures, knex_migrations; CREATE TABLE knex_migrations (name text)',
    )
    const idle = await forgetTransaction(db)
    const record = "INSERT INTO knex_migrations VALUES ('one')"
    const first = ['BEGIN', 'CREATE TABLE IF NOT EXISTS signatures (id int)', record, 'COMMIT']
    const run = migrate(db, short, tool(...first, alter))
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code, run.err()).toBe(0)
    expect(run.err()).not.toContain('the schema has changed')
  })

  it('is not run again with a partition half detached, and is told how to complete that', async () => {
    await db.query(`
      DROP TABLE IF EXISTS events;
      CREATE TABLE events (day int) PARTITION BY RANGE (day);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (2)`)
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; SELECT FROM events')
    const run = migrate(db, short, tool('ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY'))
    expect((await run.ended).code).toBe(exitCode.locks)
    const finalize = 'ALTER TABLE public.events DETACH PARTITION public.events_1 FINALIZE;'
    expect(run.err()).toContain(
      `the detachment of public.events_1 from public.events is half done: the same statement would fail\n  to complete it: ${finalize}`,
    )
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
    await db.query(finalize)
  })

  it('is not run again after Prisma has recorded that its migration failed', async () => {
    await db.query(`
      DROP TABLE IF EXISTS _prisma_migrations;
      CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)`)
    const idle = await forgetTransaction(db)
    const run = migrate(db, short, tool("INSERT INTO _prisma_migrations VALUES ('add_name')", alter))
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('Prisma has recorded that migration add_name failed')
    expect(run.err()).toContain('npx prisma migrate resolve --rolled-back add_name')
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
    await db.query('DROP TABLE _prisma_migrations')
  })

  it('is not run again when all that a tool has written since is that its lock is free', async () => {
    await db.query(`
      DROP TABLE IF EXISTS signatures, knex_migrations_lock;
      CREATE TABLE knex_migrations_lock (is_locked int); INSERT INTO knex_migrations_lock VALUES (1)`)
    const idle = await forgetTransaction(db)
    const script = `
      import pg from 'pg'
      const client = new pg.Client()
      await client.connect()
      await client.query('CREATE TABLE signatures (id int)')
      await client.query('${alter}').catch(() => {})
      await client.query('UPDATE knex_migrations_lock SET is_locked = 0')
      await client.end()
      process.exit(1)`
    const run = migrate(db, short, [process.execPath, '--input-type=module', '-e', script])
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('the schema has changed since the command began')
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
    await db.query('DROP TABLE knex_migrations_lock')
  })
})

describe('the lock of knex', () => {
  it('is named when a command fails and the row says that a migration is running', async () => {
    await db.query(`
      CREATE TABLE knex_migrations_lock (index serial, is_locked int);
      INSERT INTO knex_migrations_lock (is_locked) VALUES (1)`)
    const run = migrate(db, [], tool("DO $$ BEGIN RAISE 'Migration table is already locked'; END $$"))
    expect((await run.ended).code).toBe(1)
    expect(run.err()).toContain('public.knex_migrations_lock records that a knex migration is running')
    expect(run.err()).toContain('npx knex migrate:unlock')
    await db.query('DROP TABLE knex_migrations_lock')
    const free = migrate(db, [], tool('SELECT nonsense'))
    await free.ended
    expect(free.err()).not.toContain('knex')
  })
})
