import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type WatchEvent, type WatchOptions, watchServer } from '../../../src/cli/watch/watch-loop.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { manualPace } from '../../postgres/look/manual-pace.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { heapBytes } from '../../support/garbage.ts'
import { startProxy } from '../../support/tcp-proxy.ts'

const db = useDatabase()

/** A watch of the test database that goes on when the test says so. */
function startWatch(options: Partial<WatchOptions> = {}, url = db.url) {
  const events: WatchEvent[] = []
  const pace = manualPace()
  const controller = new AbortController()
  const ended = watchServer(
    {
      intervalMillis: 2_000,
      heartbeatMillis: 0,
      minIdleMillis: 30_000,
      minWaitMillis: 0,
      queryText: 'redacted',
      database: db.name,
      ...options,
    },
    {
      connect: () => connectControl({ url, env: {}, connectMillis: 5_000 }),
      origins: async () => () => ({ source: 'application', text: 'src/datasets.ts:42' }),
      emit: (event) => events.push(event),
      pace,
      signal: controller.signal,
    },
  )
  ended.catch(() => {})
  const stop = async () => {
    controller.abort()
    await ended
  }
  onTestFinished(stop)
  return {
    events,
    pace,
    stop,
    names: () => events.map(({ event }) => event),
    /** The next look, and all that it tells. */
    async look() {
      await pace.step()
      await eventually(() => expect(pace.isPausing()).toBe(true))
    },
  }
}

describe('watch', () => {
  it('tells who began to block, what got worse, and that it is over', async () => {
    const watch = startWatch()
    await eventually(() => expect(watch.pace.isPausing()).toBe(true))
    expect(watch.names()).toEqual(['started'])

    const holder = await openSession(db, 'holder')
    await holder.run('BEGIN; LOCK TABLE items')
    const first = await openSession(db, 'first')
    await first.waitsFor('SELECT FROM items')
    await watch.look()
    expect(watch.events.at(-1)).toMatchObject({
      event: 'appeared',
      concern: {
        id: `pid ${holder.pid}`,
        kind: 'blocks',
        blocked: 1,
        session: { application: 'holder', origin: { text: 'src/datasets.ts:42' } },
      },
    })
    await watch.look()
    expect(watch.names()).toEqual(['started', 'appeared'])

    const second = await openSession(db, 'second')
    await second.waitsFor('SELECT FROM items')
    await watch.look()
    expect(watch.events.at(-1)).toMatchObject({ event: 'escalated', concern: { blocked: 2 } })

    await holder.run('COMMIT')
    await watch.look()
    expect(watch.events.at(-1)).toMatchObject({ event: 'cleared', concern: { id: `pid ${holder.pid}` } })
    expect(watch.names()).toEqual(['started', 'appeared', 'escalated', 'cleared'])
  })

  it('says that the connection is lost once, tries again with growing pauses, and says that it is back', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const watch = startWatch({}, proxy.url(db.url))
    await eventually(() => expect(watch.pace.isPausing()).toBe(true))
    const port = proxy.port
    await proxy.close()

    expect(await watch.pace.step()).toBe(2_000)
    const pauses: number[] = []
    for (let attempt = 0; attempt < 7; attempt += 1) pauses.push(await watch.pace.step())
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    await eventually(() => expect(watch.pace.isPausing()).toBe(true))
    expect(watch.names()).toEqual(['started', 'lost'])

    await using again = await startProxy(db.config.port, db.config.host, port)
    expect(again.port).toBe(port)
    await watch.look()
    expect(watch.names()).toEqual(['started', 'lost', 'back'])
    expect(watch.events.at(-1)).toMatchObject({ lostMillis: 121_000 })
    expect(await watch.pace.step()).toBe(2_000)
  })

  it('tells after an outage what has changed in the meantime', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const watch = startWatch({ minIdleMillis: 0 }, proxy.url(db.url))
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    await watch.look()
    proxy.cut()
    await idle.run('COMMIT')
    await eventually(async () => {
      await watch.look()
      expect(watch.names()).toEqual(['started', 'appeared', 'lost', 'back', 'cleared'])
    })
  })

  it('fails when there is no connection at the start', async () => {
    const watch = watchServer(
      { intervalMillis: 1, heartbeatMillis: 0, minIdleMillis: 0, minWaitMillis: 0, queryText: 'none' },
      {
        connect: () => connectControl({ url: 'postgres://127.0.0.1:1/none', env: {} }),
        origins: async () => () => undefined,
        emit: () => expect.unreachable(),
        pace: manualPace(),
        signal: new AbortController().signal,
      },
    )
    await expect(watch).rejects.toMatchObject({ reason: 'ECONNREFUSED' })
  })

  it('does not grow, however long it runs', async () => {
    // The same answers again and again, at the speed of this process.
    await using real = await connectControl({ url: db.url, env: {} })
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const answers = new Map<string, Promise<{ readonly rows: readonly unknown[] }>>()
    const query = (text: string, values?: unknown[]) => {
      const answer = answers.get(text) ?? real.query(text, values)
      answers.set(text, answer)
      return answer
    }
    const controller = new AbortController()
    let looks = 0
    let early = 0
    await watchServer(
      { intervalMillis: 1, heartbeatMillis: 1, minIdleMillis: 0, minWaitMillis: 0, queryText: 'redacted' },
      {
        connect: async () => ({ ...real, query }),
        origins: async () => () => undefined,
        emit: () => {},
        pace: {
          now: () => looks,
          random: () => 0.5,
          async pause() {
            looks += 1
            if (looks === 1_000) early = heapBytes()
            if (looks === 6_000) controller.abort()
          },
        },
        signal: controller.signal,
      },
    )
    // A hundred bytes kept by each look would be twice as much.
    expect(heapBytes() - early).toBeLessThan(250_000)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('has a heartbeat, in an outage too', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const watch = startWatch({ heartbeatMillis: 60_000 }, proxy.url(db.url))
    for (let at = 0; at < 31; at += 1) await watch.look()
    expect(watch.events.filter(({ event }) => event === 'heartbeat')).toEqual([
      { event: 'heartbeat', concerns: 0, blocked: 0, idleForLess: 0, hiddenSessions: 0 },
    ])
    await proxy.close()
    for (let at = 0; at < 9; at += 1) await watch.look()
    expect(watch.events.at(-1)).toMatchObject({ event: 'heartbeat', lostMillis: expect.any(Number) })
  })

  it('ends at once, also while the network is dead', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const watch = startWatch({}, proxy.url(db.url))
    await eventually(() => expect(watch.pace.isPausing()).toBe(true))
    proxy.freeze()
    await watch.pace.step()
    const start = performance.now()
    await watch.stop()
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

describe('watch --terminate-idle', () => {
  it('ends a session that idles in its transaction, and no other', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN; LOCK TABLE items')
    const waiting = await openSession(db, 'waiting')
    const { outcome } = await waiting.waitsFor('SELECT FROM items')
    const watch = startWatch({ terminateIdleMillis: 0 })
    await eventually(() =>
      expect(watch.events).toContainEqual(
        expect.objectContaining({
          event: 'terminated',
          session: expect.objectContaining({ pid: idle.pid }),
          result: { pid: idle.pid, outcome: 'ended' },
        }),
      ),
    )
    expect(await outcome).toBeUndefined()
    expect((await waiting.run('SELECT 1')).rowCount).toBe(1)
  })

  it('leaves alone who idles for less, and sessions of other databases', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const other = await openSession(db, 'other', { database: 'postgres' })
    await other.run('BEGIN')
    const short = startWatch({ terminateIdleMillis: 600_000 })
    await short.look()
    await short.stop()
    const { database: _, ...everywhere } = { database: db.name }
    const all = startWatch({ terminateIdleMillis: 0, ...everywhere, minIdleMillis: 0 })
    await all.look()
    expect(short.names()).not.toContain('terminated')
    expect(all.events.filter(({ event }) => event === 'terminated')).toMatchObject([
      { session: { pid: idle.pid } },
    ])
    expect((await other.run('SELECT 1')).rowCount).toBe(1)
  })

  it('spares backups and the applications that are named, and says so once', async () => {
    const dump = await openSession(db, 'pg_dump')
    await dump.run('BEGIN; SELECT FROM items')
    const report = await openSession(db, 'nightly')
    await report.run('BEGIN')
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const watch = startWatch({ terminateIdleMillis: 0, spare: ['nightly'] })
    for (let look = 0; look < 3; look += 1) await watch.look()
    const acts = watch.events.filter(({ event }) => event === 'terminated' || event === 'spared')
    expect(acts).toMatchObject([
      { event: 'spared', session: { pid: dump.pid }, reason: 'a backup: ending it spoils it' },
      { event: 'spared', session: { pid: report.pid }, reason: 'spared by --spare application=nightly' },
      { event: 'terminated', session: { pid: idle.pid } },
    ])
    for (const { run } of [dump, report]) expect((await run('SELECT 1')).rowCount).toBe(1)
  })

  it('elects one of several watchers, and another one when that dies', async () => {
    const one = startWatch({ terminateIdleMillis: 600_000 })
    await eventually(() => expect(one.names()).toEqual(['started', 'elected']))
    const two = startWatch({ terminateIdleMillis: 0 })
    await eventually(() => expect(two.names()).toEqual(['started', 'standby']))

    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    await two.look()
    expect(two.names()).toEqual(['started', 'standby'])

    const holder = (
      await db.query<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
    ).rows[0]?.pid
    await db.terminate(holder ?? 0)
    await two.look()
    await eventually(() => expect(two.names()).toEqual(['started', 'standby', 'elected', 'terminated']))
    await one.look()
    await eventually(async () => {
      await one.look()
      expect(one.names()).toEqual(['started', 'elected', 'lost', 'back', 'standby'])
    })
  })
})
