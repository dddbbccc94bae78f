import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getTasks, Logger, run, type TaskList } from 'graphile-worker'
import pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Finding, manualClock, withJobScope } from '../../../../src/index.ts'
import { modes } from '../../../support/bare-twin.ts'
import { useDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { hereLine } from '../../../support/guarded-pool.ts'

const db = useDatabase()
const silent = new Logger(() => () => {})
beforeEach(() => db.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE'))

describe.each(modes)('graphile-worker in %s', (mode) => {
  async function service(tasksOf: (pool: pg.Pool) => TaskList) {
    const clock = manualClock()
    const lifeguard = createLifeguard({ clock, mode, reporters: [] })
    const findings: Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    const pool = new pg.Pool({ ...db.config, max: 10 })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    lifeguard.watch(pool, { name: 'main' })
    const runner = await run({
      pgPool: pool,
      concurrency: 4,
      pollInterval: 200,
      noHandleSignals: true,
      logger: silent,
      taskList: withJobScope(lifeguard, tasksOf(pool)),
    })
    onTestFinished(async () => {
      await runner.stop()
      await lifeguard.close()
      void pool.end()
      await db.query(endSessions)
    })
    /** The client that listens for new jobs, for as long as the worker runs. */
    const listening = () =>
      lifeguard.snapshot().checkouts.filter(({ lastQuery }) => /^listen/i.test(lastQuery ?? ''))
    await eventually(() => expect(listening()).toHaveLength(1))
    return { runner, pool, clock, lifeguard, findings, listening }
  }

  it('a job that leaves its client out is found at its line, by its name', async () => {
    const line = hereLine(3)
    const { runner, clock, findings } = await service((pool) => ({
      async 'send-mail'() {
        const client = await pool.connect()
        await client.query('BEGIN')
      },
    }))
    const { id } = await runner.addJob('send-mail', { name: 'Alice' })
    await eventually(() => {
      clock.advance(200)
      expect(findings).toMatchObject([
        {
          kind: 'outlived-scope',
          scope: { kind: 'job', name: 'send-mail', id },
          origin: { file: import.meta.filename, line },
        },
      ])
    })
  })

  it('long jobs, failing jobs and its own clients give no finding', async () => {
    let begun = 0
    let finish = () => {}
    const isLong = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { runner, clock, lifeguard, findings, listening } = await service(() => ({
      async long(_payload, helpers) {
        await helpers.withPgClient((client) => client.query('SELECT 1'))
        begun += 1
        await isLong
        await helpers.query('SELECT 1')
      },
      async failing(_payload, helpers) {
        await helpers.query('SELECT 1/0')
      },
    }))
    await runner.addJob('long', {})
    await runner.addJob('failing', {}, { maxAttempts: 1 })
    await eventually(async () => {
      expect(begun).toBe(1)
      const { rows } = await db.query<{ attempts: number }>('SELECT attempts FROM graphile_worker.jobs')
      expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1])
    })
    // An hour, in the moments when its own statements are done.
    for (let minute = 0; minute < 60; minute += 1) {
      await eventually(() => expect(lifeguard.snapshot().checkouts).toHaveLength(1))
      clock.advance(60_000)
    }
    expect(listening()).toMatchObject([{ heldMillis: 3_600_000 }])
    finish()
    await eventually(async () =>
      expect(
        (await db.query('SELECT 1 FROM graphile_worker.jobs WHERE attempts < max_attempts')).rows,
      ).toEqual([]),
    )
    expect(findings).toEqual([])
  })

  it('the tasks of a folder are wrapped as those of a list are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tasks-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const code = "export default (payload) => process.emit('task of a folder', payload)"
    await writeFile(join(folder, 'from-a-folder.mjs'), code)
    const { tasks } = await getTasks({ logger: silent }, folder)
    const { runner, lifeguard } = await service(() => tasks)
    const scope = new Promise((resolve) => {
      process.once('task of a folder' as never, () => resolve(lifeguard.currentScope()?.describe()))
    })
    const { id } = await runner.addJob('from-a-folder', {})
    expect(await scope).toEqual({ kind: 'job', name: 'from-a-folder', id })
  })

  it('20 jobs at once are in their own scopes', async () => {
    const wrong: string[] = []
    let seen = 0
    const { runner, lifeguard } = await service((pool) => ({
      async probe(_payload, { job, query }) {
        const look = () => {
          const id = lifeguard.currentScope()?.describe().id
          if (id !== job.id) wrong.push(`${job.id} saw ${id}`)
        }
        look()
        await query('SELECT 1')
        look()
        const client = await pool.connect()
        look()
        client.release()
        seen += 1
      },
    }))
    for (let index = 0; index < 20; index += 1) await runner.addJob('probe', {})
    await eventually(() => expect(seen).toBe(20))
    expect(wrong).toEqual([])
  })
})

const endSessions = `
  SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`
