import { createServer } from 'node:http'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { asyncLocalStorageContext } from '../../src/context/async-local-storage.ts'
import { withRequestScope } from '../../src/http/node.ts'
import { createLifeguard } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { listen } from './hosts.ts'

const db = useDatabase()

/** A context that counts. A call of `run` copies the values of all other contexts, and is not free. */
function countingContext() {
  const { current, run } = asyncLocalStorageContext()
  const runs: ('in' | 'out')[] = []
  return {
    runs,
    context: {
      current,
      run<Result>(value: unknown, work: () => Result): Result {
        runs.push(value === undefined ? 'out' : 'in')
        return run(value, work)
      },
    },
  }
}

describe('the scope of a request', () => {
  it('is entered once, and not for what only Node.js and the guard listen to', async () => {
    const { runs, context } = countingContext()
    const lifeguard = createLifeguard({ reporters: [], context })
    const ended: unknown[] = []
    const serve = withRequestScope(lifeguard, (_request, response) => response.end('answered'))
    const server = createServer((request, response) => {
      response.on('close', () => ended.push(runs.length))
      serve(request, response)
    })
    const port = await listen(server)
    for (let request = 0; request < 3; request += 1)
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('answered')
    await eventually(() => expect(ended).toHaveLength(3))
    // The listener for `close` is the application's own.
    expect(runs).toEqual(['in', 'in', 'in', 'in', 'in', 'in'])
  })

  it('has the listeners that the application adds to request and response, one of each or several', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const heard: string[] = []
    const hear = (event: string) => () => heard.push(`${event}: ${lifeguard.currentScope()?.describe().name}`)
    const port = await listen(
      createServer(
        withRequestScope(lifeguard, (request, response) => {
          request
            .on('data', hear('data'))
            .on('end', hear('end'))
            .on('end', () => response.end())
          response.on('finish', hear('finish')).on('close', hear('close'))
        }),
      ),
    )
    await fetch(`http://127.0.0.1:${port}/upload`, { method: 'POST', body: 'some' })
    await eventually(() => expect(heard).toHaveLength(4))
    expect(heard).toEqual(['data', 'end', 'finish', 'close'].map((event) => `${event}: POST /upload`))
  })
})

describe('a caller inside a scope', () => {
  it('leaves it for a pool that may open a connection, and not for an idle client or a full pool', async () => {
    const { runs, context } = countingContext()
    // Without listeners, which would run in a context of their own.
    const pool = new pg.Pool({ ...db.config, max: 1 })
    const lifeguard = createLifeguard({ reporters: [], context })
    lifeguard.watch(pool)
    onTestFinished(() => pool.end())
    const runsOf = async (work: () => Promise<unknown>) => {
      runs.length = 0
      await lifeguard.runInScope({ kind: 'job', name: 'any' }, work)
      return [...runs]
    }
    const checkOut = async () => (await pool.connect()).release()
    // In, out for the connection, out for the timer of the idle client.
    expect(await runsOf(checkOut)).toEqual(['in', 'out', 'out'])
    expect(await runsOf(checkOut)).toEqual(['in', 'out'])
    const holder = await pool.connect()
    const waiting = runsOf(checkOut)
    holder.release()
    expect(await waiting).toEqual(['in', 'out'])
  })

  it('does not give its scope to a connection that is opened in it', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 2 })
    const scopes: unknown[] = []
    const idle = await pool.connect()
    idle.release()
    // Two at once, and one idle client: one of them opens a connection.
    await lifeguard.runInScope({ kind: 'job', name: 'opener' }, async () => {
      const clients = await Promise.all([pool.connect(), pool.connect()])
      for (const client of clients) client.release()
    })
    expect(pool.totalCount).toBe(2)
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) {
      client.on('notice', () => scopes.push(lifeguard.currentScope()?.describe().name))
      await client.query("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
      client.release()
    }
    expect(scopes).toEqual([undefined, undefined])
  })
})
